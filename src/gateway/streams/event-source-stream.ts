import { formatPosition, type Position } from '../../protocol/position.ts'
import type { ResumeTokens } from '../auth/resume-tokens.ts'
import type { GatewayUser, Transport } from '../contract.ts'
import type { Frames } from '../frames.ts'
import { publicationText, type ReadPush, readPushes } from './pushes.ts'
import { positionOf, ReadPositions } from './read-positions.ts'
import { StreamBody } from './stream-body.ts'

export type BoundedUser = GatewayUser & { readonly expiresAtMs: number }

export interface EventSourceStreamOptions {
  /** What it goes on from. */
  readonly positions: Iterable<readonly [string, Position | undefined]>
  readonly resumeTokens: ResumeTokens
  /** Who reads, at this moment. */
  readonly user: () => BoundedUser
  /** Milliseconds after which the browser connects again. */
  readonly retryMs: number
  readonly onGone: () => void
  /** The server has ended a channel: from 2500 on it can be subscribed again. */
  readonly onUnsubscribed: (channel: string, code: number) => void
}

/**
 * The frames of a session as events for a plain EventSource, each with an id that resumes right behind it. Two readings
 * are told apart: `received` is what came for the client, `sent` what it was given, which is what its ids speak of.
 */
export class EventSourceStream implements Transport {
  readonly name = 'eventsource'
  readonly received: ReadPositions
  readonly body: StreamBody
  readonly #sent: ReadPositions
  readonly #options: EventSourceStreamOptions
  #closed = false

  constructor(options: EventSourceStreamOptions) {
    const { positions, retryMs, onGone } = options
    this.#options = options
    const from = [...positions]
    this.received = new ReadPositions(from)
    // The others begin where they are subscribed.
    this.#sent = new ReadPositions(from.filter(([, position]) => position !== undefined))
    this.body = new StreamBody(onGone)
    // An id without data is no event, yet the browser notes it: also who is cut off before the first event resumes.
    this.body.push({ bytes: 0, render: () => `retry: ${Math.round(retryMs)}\n${this.#id()}\n` })
  }

  get bufferedBytes(): number {
    return this.body.bufferedBytes
  }

  write(frames: Frames): void {
    const pushes = readPushes(frames)
    const starts = new Map<ReadPush, Position | undefined>()
    for (const push of pushes) {
      if (push.kind === 'subscribed') starts.set(push, this.received.get(push.channel))
      this.#receive(push)
    }
    if (pushes.length === 0) return
    const render = () => pushes.map((push) => this.#render(push, starts.get(push))).join('')
    this.body.push({ bytes: frames.bytes, render })
  }

  close(code: number, reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.body.push({ bytes: 0, render: () => event('disconnect', { code, reason }) })
    this.body.end()
  }

  /** Something of a channel without history may be missing. */
  tellInterrupted(channel: string): void {
    this.body.push({ bytes: 0, render: () => this.#id() + event('gap', { channel }) })
  }

  /** A channel is not to be had any more. */
  tellUnsubscribed(channel: string, code: number, reason: string): void {
    this.received.delete(channel)
    const render = () => {
      this.#sent.delete(channel)
      return this.#id() + event('unsubscribe', { channel, code, reason })
    }
    this.body.push({ bytes: 0, render })
  }

  #receive(push: ReadPush): void {
    switch (push.kind) {
      case 'publication':
        this.received.advance(push.channel, push.publication)
        break
      case 'subscribed': {
        const position = positionOf(push.result)
        this.received.set(push.channel, position)
        // New to the stream: it begins here.
        if (!this.#sent.has(push.channel)) this.#sent.set(push.channel, position)
        break
      }
      case 'unsubscribed':
        this.#options.onUnsubscribed(push.channel, push.why.code)
        break
      case 'ping':
        break
    }
  }

  #render(push: ReadPush, start: Position | undefined): string {
    switch (push.kind) {
      case 'ping':
        return ':\n\n'
      case 'publication':
        this.#sent.advance(push.channel, push.publication)
        return this.#message(push.json)
      case 'subscribed':
        return this.#renderSubscribed(push, start)
      case 'unsubscribed':
        return ''
    }
  }

  /** What was missed, or that it cannot be had. */
  #renderSubscribed(push: ReadPush & { kind: 'subscribed' }, start: Position | undefined): string {
    const { channel, result } = push
    const to = positionOf(result)
    let text = ''
    if (result.was_recovering === true && result.recovered !== true) {
      this.#sent.set(channel, to)
      const gap = { channel, from: start && formatPosition(start), to: to && formatPosition(to) }
      text += this.#id() + event('gap', gap)
    }
    if (to !== undefined) this.#sent.set(channel, to)
    for (const publication of result.publications ?? []) {
      this.#sent.advance(channel, publication)
      text += this.#message(publicationText(channel, publication))
    }
    this.#sent.set(channel, to)
    return text
  }

  #message(json: string): string {
    return `event: message\n${this.#id()}data: ${json}\n\n`
  }

  #id(): string {
    const { resumeTokens, user } = this.#options
    return `id: ${resumeTokens.issue({ user: user(), positions: this.#sent.all })}\n`
  }
}

function event(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
}
