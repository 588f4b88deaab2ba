import { TidingsError } from '../../core/errors.ts'
import { ListenerTable } from '../../core/listener-table.ts'
import type { Listener, PubSub, PubSubGuarantees, SubscriptionHandle, SubscriptionKind } from '../../core/pub-sub.ts'
import type { ConnectionStatus, StatusListener } from '../../core/status.ts'
import { type Hub, joinHub } from './hub.ts'

/**
 * Live messages within this process. Objects with the same hub name are clients of one hub, as connections to one
 * Redis server are; a hub lives as long as it has clients. Nothing gets lost on the way, and nothing ever fails
 * except with `CLOSED`.
 */
export class MemoryPubSub implements PubSub {
  readonly guarantees: PubSubGuarantees = { spansProcesses: false, foreignClients: false }
  readonly #hubName: string
  readonly #table = new ListenerTable()
  readonly #statusListeners = new Set<{ readonly listener: StatusListener }>()
  #hub: Hub | undefined
  #closing: Promise<void> | undefined

  /** Joins nothing yet: the first call that needs the hub does. */
  constructor(hubName: string) {
    this.#hubName = hubName
  }

  async connect(): Promise<void> {
    this.#use()
  }

  async publish(channel: string, payload: string | Uint8Array): Promise<number> {
    return this.#use().publish(channel, payload)
  }

  async subscribe(kind: SubscriptionKind, name: string, listener: Listener): Promise<SubscriptionHandle> {
    const hub = this.#use()
    const place = this.#table.add(kind, name, listener)
    if (place.first) {
      hub.subscribe(kind, name, this.#table)
      // As with Redis, whose confirmation comes behind all that was sent before.
      if (!hub.isQuiet) await hub.passed()
    }
    return {
      release: () => {
        if (this.#table.remove(place)) hub.unsubscribe(kind, name, this.#table)
      },
    }
  }

  async activeChannels(pattern: string): Promise<string[]> {
    return this.#use().activeChannels(pattern)
  }

  async subscriberCounts(channels: readonly string[]): Promise<number[]> {
    return this.#use().subscriberCounts(channels)
  }

  async patternCount(): Promise<number> {
    return this.#use().patternCount()
  }

  onStatus(listener: StatusListener): () => void {
    const entry = { listener }
    this.#statusListeners.add(entry)
    return () => {
      this.#statusListeners.delete(entry)
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#leave()
    return this.#closing
  }

  async #leave(): Promise<void> {
    this.#report({ kind: 'closed' })
    const left = this.#hub?.leave(this.#table)
    this.#table.clear()
    await left
  }

  #use(): Hub {
    if (this.#closing !== undefined) {
      throw new TidingsError('CLOSED', 'This object is closed.', { hint: 'Create a new one to go on.' })
    }
    if (this.#hub === undefined) {
      this.#hub = joinHub(this.#hubName, this.#table)
      this.#report({ kind: 'connected' })
    }
    return this.#hub
  }

  /** A moment later, as with a connection: who begins to listen right after the call still hears of it. */
  #report(status: ConnectionStatus): void {
    queueMicrotask(() => {
      for (const { listener } of this.#statusListeners) listener(status)
    })
  }
}
