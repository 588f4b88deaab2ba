import type { Message } from './message.ts'
import type { StatusListener } from './status.ts'

/** What a backend promises beyond the contract. The conformance suite holds each backend to what it states. */
export interface PubSubGuarantees {
  /** A message reaches subscribers in other processes. */
  readonly spansProcesses: boolean
  /** Programs that know nothing of Tidings can publish and subscribe to the same channels. */
  readonly foreignClients: boolean
}

export type SubscriptionKind = 'channel' | 'pattern'

/**
 * Receives one message; `pattern` handlers too. It is called synchronously, in order, and must not throw.
 * It may subscribe and unsubscribe.
 */
export type Listener = (message: Message) => void

/** A place that one listener holds. */
export interface SubscriptionHandle {
  /**
   * Gives the place up. From the call on the listener gets nothing more. Resolves at once: the backend may keep
   * the subscription in Redis for a moment, so that subscribing again soon costs nothing. Idempotent.
   */
  release(): void
}

/**
 * Live messages, at most once.
 *
 * A backend MUST deliver to each listener in the order in which one publisher's calls were made, MUST give
 * every listener of one message the same {@link Message}, and MUST NOT let one listener's place cost another
 * round trip while the channel or pattern is already subscribed in this object.
 * It MUST NOT send a message twice: when a connection breaks between sending and the answer, the publish is
 * rejected with `CONNECTION_LOST`, which says that nobody knows whether it was delivered.
 * Names are taken as valid; the layers above check them. Patterns are Redis globs.
 */
export interface PubSub {
  readonly guarantees: PubSubGuarantees

  /**
   * Makes the connection now. No call needs this first: each connects by itself.
   * @throws TidingsError `NOT_CONNECTED` after the command timeout, `AUTH_FAILED`, `CLOSED`
   */
  connect(): Promise<void>

  /**
   * Sends one message and resolves to the number of receivers that Redis counted. Calls made in one tick are
   * sent together, in order. Each promise settles by itself: one refused message MUST NOT fail its neighbours.
   * MUST settle within the command timeout whatever happens to Redis.
   * @throws TidingsError `NOT_CONNECTED`, `QUEUE_FULL` (not sent); `CONNECTION_LOST`, `TIMEOUT` (unknown);
   * `NO_PERMISSION`, `REDIS_ERROR`, `AUTH_FAILED`, `CLOSED`.
   */
  publish(channel: string, payload: string | Uint8Array): Promise<number>

  /**
   * Resolves once Redis has confirmed: what is published afterwards is delivered while the connection lives.
   * After a break the backend subscribes again by itself. A rejected call leaves nothing behind.
   */
  subscribe(kind: SubscriptionKind, name: string, listener: Listener): Promise<SubscriptionHandle>

  /** Names of channels that have at least one subscriber and match the glob. Pattern subscribers do not count. */
  activeChannels(pattern: string): Promise<string[]>

  /** Subscribers of each channel, in the order asked. Pattern subscribers do not count. */
  subscriberCounts(channels: readonly string[]): Promise<number[]>

  /** Number of distinct patterns that anybody is subscribed to. */
  patternCount(): Promise<number>

  /** Reports changes of state from now on. Returns what ends the reports. */
  onStatus(listener: StatusListener): () => void

  /**
   * Stops deliveries at once, lets what was accepted for sending go out within `deadlineMs`, rejects the rest
   * with `CLOSED`, and gives up every connection. Idempotent, never rejects, bounded also when Redis is away.
   */
  close(deadlineMs?: number): Promise<void>
}
