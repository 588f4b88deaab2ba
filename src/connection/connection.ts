import type { EventLog } from '../core/event-log.ts'
import type { ForeignLists } from '../core/foreign-lists.ts'
import type { InboxStore } from '../core/inbox-store.ts'
import type { Logger } from '../core/logger.ts'
import type { NodeRegistry, PresenceStore } from '../core/presence.ts'
import type { Revocations } from '../core/revocations.ts'
import type { ConnectionStatus } from '../core/status.ts'
import type { LoggedPubSub } from '../log/logged-pub-sub.ts'

export interface ConnectionParts {
  readonly pubSub: LoggedPubSub
  readonly eventLog: EventLog
  readonly inboxStore: InboxStore
  readonly presence: PresenceStore
  readonly nodes: NodeRegistry
  readonly revocations: Revocations
  readonly foreignLists: ForeignLists | undefined
  readonly namespace: string
  readonly logger: Logger
  readonly hasLogger: boolean
}

/**
 * An open way to one Redis (or to one in-process hub), to be shared: pass it as `redis` to as many publishers,
 * subscribers and buses as there are, and they use the same two sockets. Made by `connect()`.
 */
export class Connection {
  /** Messages, and logs where the policies keep them. For code that builds on it; programs use the classes above. */
  readonly pubSub: LoggedPubSub
  readonly eventLog: EventLog
  readonly inboxStore: InboxStore
  /** Who is there on channels, as gateways say. */
  readonly presence: PresenceStore
  /** The gateways of the deployment. */
  readonly nodes: NodeRegistry
  /** Whose tokens are revoked. */
  readonly revocations: Revocations
  /** Lists that other programs keep on the same Redis; none in memory. */
  readonly foreignLists: ForeignLists | undefined
  /** What every internal name begins with. */
  readonly namespace: string
  readonly logger: Logger
  /** True where a logger was given, so that trouble nobody listens for has somewhere to go. */
  readonly hasLogger: boolean

  constructor(parts: ConnectionParts) {
    const { pubSub, eventLog, inboxStore, presence, nodes, revocations, foreignLists, namespace } = parts
    const { logger, hasLogger } = parts
    this.pubSub = pubSub
    this.eventLog = eventLog
    this.inboxStore = inboxStore
    this.presence = presence
    this.nodes = nodes
    this.revocations = revocations
    this.foreignLists = foreignLists
    this.namespace = namespace
    this.logger = logger
    this.hasLogger = hasLogger
    pubSub.onStatus((status) => {
      try {
        this.#log(status)
      } catch {
        // A logger that fails must not stop the connection.
      }
    })
  }

  /**
   * Lets accepted messages go out for at most three seconds, then closes every socket; whoever still uses the
   * connection gets `CLOSED`. Idempotent, never rejects.
   */
  async close(): Promise<void> {
    const all = [this.pubSub, this.presence, this.nodes, this.revocations]
    await Promise.all(all.map((each) => each.close()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #log(status: ConnectionStatus): void {
    if (status.kind === 'disconnected') this.logger.warn({ err: status.error }, status.error.message)
    else if (status.kind === 'error') this.logger.error({ err: status.error }, status.error.message)
    else if (status.kind === 'gap') this.logger.warn({ ...status.gap }, 'Entries of a log cannot be had.')
    else if (status.kind === 'interruption') this.logger.warn({ ...status }, 'Subscriptions are back after a break.')
    else this.logger.info({ kind: status.kind }, status.kind === 'connected' ? 'Redis is connected.' : 'Closed.')
  }
}
