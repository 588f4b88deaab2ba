import type { Centrifuge } from 'centrifuge'
import { ClientError, toClientError } from './client-error.ts'
import { ClientEvents } from './client-events.ts'
import { ClientInbox, type Rpc } from './client-inbox.ts'
import type { ClientOptions } from './client-options.ts'
import { InboxFeed, type InboxSummary } from './inbox-feed.ts'
import { Reports } from './reports.ts'
import { createSdk } from './sdk.ts'
import type { InboxSync, UntypedEvents } from './server-types.ts'

/** `closed` is for good: by `close()`, or because the gateway will not have this client. */
export type ClientState = 'connecting' | 'connected' | 'closed'

export type StateHandler = (state: ClientState, why: { readonly code: number; readonly reason: string }) => unknown

/** The channel on which the gateway tells a user's own inbox. */
const INBOX_CHANNEL = '#inbox'

/** One connection to a gateway, which comes back by itself. */
export class Client<Events = UntypedEvents> {
  readonly events: ClientEvents<Events>
  readonly inbox: ClientInbox
  readonly #sdk: Centrifuge
  readonly #reports: Reports
  readonly #handlers = new Set<StateHandler>()
  #state: ClientState = 'connecting'
  #closed: ClientError | undefined

  /** @throws ClientError `INVALID_OPTION` */
  constructor(options: ClientOptions) {
    const reports = new Reports(options.onError)
    this.#reports = reports
    const sdk = createSdk(options)
    this.#sdk = sdk
    this.events = new ClientEvents(sdk, options.prefix ?? 'events:', reports)
    const rpc: Rpc = (method, data) => this.#rpc(method, data)
    const feed = new InboxFeed((state) => rpc('inbox.sync', { state }) as Promise<InboxSync>, reports)
    this.inbox = new ClientInbox(rpc, feed)
    sdk.on('connecting', (why) => this.#become('connecting', why))
    sdk.on('connected', ({ data }) => {
      feed.connected((data as { inbox?: InboxSummary } | undefined)?.inbox)
      this.#become('connected', { code: 0, reason: 'connected' })
    })
    sdk.on('disconnected', ({ code, reason }) => this.#onClosed(code, reason))
    sdk.on('publication', ({ channel, data }) => {
      if (channel === INBOX_CHANNEL) feed.pushed(data)
    })
    sdk.on('error', ({ error }) => reports.note(toClientError(error)))
    try {
      sdk.connect()
    } catch (cause) {
      throw new ClientError('INVALID_OPTION', 'There is nothing to connect by here: give the option "websocket".', {
        cause,
      })
    }
  }

  get state(): ClientState {
    return this.#state
  }

  /** Calls the handler when the state changes. Returns what ends it. */
  onState(handler: StateHandler): () => void {
    const own: StateHandler = (state, why) => handler(state, why)
    this.#handlers.add(own)
    return () => void this.#handlers.delete(own)
  }

  /** Resolves once it is connected; rejects when it is closed. However long that takes: calls wait by themselves. */
  async ready(): Promise<void> {
    if (this.#closed) throw this.#closed
    if (this.#state === 'connected') return
    await new Promise<void>((resolve, reject) => {
      const end = this.onState((state) => {
        if (state === 'connecting') return
        end()
        if (state === 'connected') resolve()
        else reject(this.#closed)
      })
    })
  }

  /** Ends it: nothing is received from the call on, and calls that run reject. Idempotent. */
  close(): void {
    this.#sdk.disconnect()
    // The SDK tells nothing where it has ended already.
    this.#onClosed(0, 'closed by the program')
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #onClosed(code: number, reason: string): void {
    if (this.#closed) return
    this.#closed = new ClientError('CLOSED', code === 0 ? 'This client has been closed.' : `Closed: ${reason}.`, {
      protocolCode: code === 0 ? undefined : code,
    })
    this.events.close(this.#closed)
    this.#become('closed', { code, reason })
  }

  #become(state: ClientState, { code, reason }: { readonly code: number; readonly reason: string }): void {
    if (this.#state === state) return
    this.#state = state
    for (const handler of [...this.#handlers]) this.#reports.run(() => handler(state, { code, reason }), 'the state')
  }

  async #rpc(method: string, data: object): Promise<unknown> {
    if (this.#closed) throw this.#closed
    try {
      return (await this.#sdk.rpc(method, data)).data
    } catch (cause) {
      throw toClientError(cause)
    }
  }
}

/**
 * Connects to a gateway. `Events` is the map of the server's bus, as types: `createClient<Shop>(…)`, or
 * `createClient<typeof events>(…)` for one of schemas.
 * @throws ClientError `INVALID_OPTION`
 */
export function createClient<Events = UntypedEvents>(options: ClientOptions): Client<Events> {
  return new Client<Events>(options)
}
