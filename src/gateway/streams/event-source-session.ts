import { fullJitter } from '../../core/backoff.ts'
import { CLIENT_ERRORS, DISCONNECTS, UNSUBSCRIBES } from '../../protocol/codes.ts'
import type { Position } from '../../protocol/position.ts'
import type { ResumeTokens } from '../auth/resume-tokens.ts'
import type { ClientSession } from '../client-session.ts'
import { ClientFailure, type ClientRequest, DEFAULT_RULE } from '../contract.ts'
import { Frames } from '../frames.ts'
import type { GatewayNode } from '../gateway-node.ts'
import { toStream } from '../stream-position.ts'
import { type BoundedUser, EventSourceStream } from './event-source-stream.ts'

const PING = new Frames('{}')
const RESUBSCRIBE_BASE_MS = 500
const RESUBSCRIBE_CAP_MS = 20_000

export interface EventSourceEntry {
  readonly user: BoundedUser
  /** The channels, and what each goes on from; undefined: from now on. */
  readonly positions: ReadonlyMap<string, Position | undefined>
  /** It was open before: channels that are not allowed any more are left out, and said. */
  readonly resumes: boolean
}

export interface EventSourceTiming {
  readonly heartbeatMs: number
  readonly retryMs: number
}

/**
 * A plain EventSource that listens. It can send nothing, so what the protocol leaves to a client is done for it here:
 * it is subscribed, and subscribed again where it left off.
 */
export class EventSourceSession {
  readonly stream: EventSourceStream
  readonly #node: GatewayNode
  readonly #session: ClientSession
  readonly #entry: EventSourceEntry
  /** How often a channel was subscribed again since the last heartbeat. */
  readonly #attempts = new Map<string, number>()

  constructor(
    node: GatewayNode,
    request: ClientRequest,
    entry: EventSourceEntry,
    resumeTokens: ResumeTokens,
    { heartbeatMs, retryMs }: EventSourceTiming,
  ) {
    this.#node = node
    this.#entry = entry
    const { user, positions } = entry
    let session: ClientSession | undefined
    this.stream = new EventSourceStream({
      positions,
      resumeTokens,
      user: () => ({ ...user, expiresAtMs: session?.user?.expiresAtMs ?? user.expiresAtMs }),
      retryMs: retryMs * (0.5 + Math.random()),
      onGone: () => session?.ended(),
      onUnsubscribed: (channel, code) => this.#onUnsubscribed(channel, code),
    })
    session = node.open(request, this.stream)
    this.#session = session
    this.#beat(heartbeatMs)
    this.#endInTime()
  }

  /**
   * Resolves once what is published from then on will come.
   * @throws ClientFailure where it may not listen, or to none of the channels
   */
  async open(): Promise<void> {
    const { user, positions, resumes } = this.#entry
    try {
      this.#session.identify(user)
      this.#node.admitUser(this.#session, user)
      await this.#node.assertNotRevoked(user)
      const channels = [...positions.keys()]
      const failures = await Promise.all(channels.map((channel) => this.#subscribe(channel)))
      const left = failures.filter((failure) => failure === undefined).length
      for (const [index, failure] of failures.entries()) {
        if (failure === undefined) continue
        if (!resumes || left === 0) throw failure
        this.stream.tellUnsubscribed(channels[index]!, failure.error.code, failure.error.message)
      }
    } catch (error) {
      this.#session.ended()
      throw error
    }
  }

  /** What forbids it, if anything does. @throws TidingsError */
  async #subscribe(channel: string): Promise<ClientFailure | undefined> {
    const { gatekeeper } = this.#node
    const session = this.#session
    try {
      if (!(await gatekeeper.allows('subscribe', channel, session.user!))) {
        throw new ClientFailure(CLIENT_ERRORS.permissionDenied)
      }
      const rule = gatekeeper.rule(channel) ?? DEFAULT_RULE
      const from = this.stream.received.get(channel)
      const request = { channel, ...(from !== undefined && { recover: true, ...toStream(from) }) }
      const subscribe = await session.channels.subscribe(request, { server: false, rule })
      session.write(new Frames(JSON.stringify({ push: { channel, subscribe } })))
      return undefined
    } catch (error) {
      if (!(error instanceof ClientFailure)) throw error
      // The server has subscribed it meanwhile.
      return error.error.code === CLIENT_ERRORS.alreadySubscribed.code ? undefined : error
    }
  }

  #onUnsubscribed(channel: string, code: number): void {
    if (code < UNSUBSCRIBES.insufficient.code) {
      this.stream.tellUnsubscribed(channel, code, UNSUBSCRIBES.server.reason)
      return
    }
    const attempt = (this.#attempts.get(channel) ?? 0) + 1
    this.#attempts.set(channel, attempt)
    const delayMs = attempt === 1 ? 0 : fullJitter(attempt, RESUBSCRIBE_BASE_MS, RESUBSCRIBE_CAP_MS)
    setTimeout(() => void this.#resubscribe(channel), delayMs).unref()
  }

  async #resubscribe(channel: string): Promise<void> {
    const session = this.#session
    if (session.closed) return
    try {
      const failure = await this.#subscribe(channel)
      if (session.closed) return
      if (failure === undefined) {
        // Where there is history, it is known whether anything is missing.
        if (this.stream.received.get(channel) === undefined) this.stream.tellInterrupted(channel)
        return
      }
      this.stream.tellUnsubscribed(channel, failure.error.code, failure.error.message)
    } catch (error) {
      this.#node.report(error)
      // It comes back by itself, to a node that can do it.
      session.close(DISCONNECTS.serverError)
    }
  }

  #beat(heartbeatMs: number): void {
    let cancel = () => {}
    const beat = () => {
      this.#session.write(PING)
      this.#attempts.clear()
      cancel = this.#node.wheel.at(heartbeatMs, beat)
    }
    cancel = this.#node.wheel.at(heartbeatMs, beat)
    this.#session.onEnd(() => cancel())
  }

  /** At the very second, as nothing can refresh it but a command of the server. */
  #endInTime(): void {
    let cancel = () => {}
    const look = () => {
      const leftMs = (this.#session.user?.expiresAtMs ?? this.#entry.user.expiresAtMs) - Date.now()
      if (leftMs <= 0) this.#session.close(DISCONNECTS.expired)
      else cancel = this.#node.wheel.at(leftMs, look)
    }
    look()
    this.#session.onEnd(() => cancel())
  }
}
