import type { Connection } from '../connection/connection.ts'
import { controlChannel, nodeChannel } from '../core/keys.ts'
import type { LogId } from '../core/log-id.ts'
import type { SubscriptionHandle } from '../core/pub-sub.ts'
import { type ControlCommand, readControlCommand, type UserCommand } from './control-message.ts'

export type { ControlCommand, UserCommand } from './control-message.ts'

const LOG: LogId = { kind: 'shared', name: 'gateway:control' }
/**
 * By number alone: a log that was to expire would look as if it had been lost, to a node that was there before. So a
 * node that was away for a day still obeys what it was told.
 */
const RETENTION = { maxCount: 10_000 }
/** Thirty days, in milliseconds. */
const REVOKED_FOR_MS = 2_592_000_000

export interface ControlOptions {
  readonly connection: Connection
  readonly nodeId: string
  /** Milliseconds for which a revocation is remembered: at least as long as any token lives. Default thirty days. */
  readonly revokedForMs?: number | undefined
  /** Takes what listeners throw. */
  readonly report: (error: unknown) => void
}

/**
 * What the nodes of a deployment tell each other. Commands for a user's clients go through a log: each node obeys each
 * once and in order, also those that were given while it was cut off from Redis. Revocations also leave a mark, for
 * who connects later.
 */
export class Control {
  readonly #options: ControlOptions
  readonly #listeners = new Set<{ readonly listener: (command: ControlCommand) => void }>()
  readonly #missed = new Set<{ readonly listener: () => void }>()
  #handles: Promise<SubscriptionHandle>[] = []
  #closed = false

  constructor(options: ControlOptions) {
    this.#options = options
  }

  /** Takes commands from now on, this node's own too. Returns what ends that. */
  on(listener: (command: ControlCommand) => void): () => void {
    const entry = { listener }
    this.#listeners.add(entry)
    return () => this.#listeners.delete(entry)
  }

  /** Called where some commands were lost for this node: it must look anew at whoever is connected. */
  onMissed(listener: () => void): () => void {
    const entry = { listener }
    this.#missed.add(entry)
    return () => this.#missed.delete(entry)
  }

  /** Resolves once no command that is given later can be missed. A rejected call leaves nothing, and may be repeated. */
  async start(): Promise<void> {
    const { connection, nodeId } = this.#options
    const onMessage = ({ text }: { readonly text: string }) => this.#obey(readControlCommand(text))
    const onGap = () => {
      for (const { listener } of this.#missed) this.#tell(listener)
    }
    const handles = [
      connection.pubSub.follow(LOG, onMessage, { onGap }),
      connection.pubSub.plain.subscribe('channel', nodeChannel(connection.namespace, nodeId), onMessage),
    ]
    this.#handles = handles
    try {
      await Promise.all(handles)
    } catch (error) {
      this.#handles = []
      release(handles)
      throw error
    }
  }

  /** Tells all nodes. Resolves once none of them can miss it. @throws TidingsError as from `EventLog.append` */
  async send(command: UserCommand): Promise<void> {
    const { eventLog, revocations, namespace } = this.#options.connection
    // The mark first: who connects after the command has come finds it.
    if (command.kind === 'revoke') {
      await revocations.revoke(command.userId, command.beforeMs, this.#options.revokedForMs ?? REVOKED_FOR_MS)
    }
    const payload = JSON.stringify(command)
    await eventLog.append(LOG, { channel: controlChannel(namespace), payload, retention: RETENTION })
  }

  /**
   * Whether what was issued to the user at that time is revoked. To be asked once commands for the user reach the
   * client: then it cannot slip through between the two.
   * @param issuedAtMs undefined where nobody knows: then it is, if anything is
   */
  async isRevoked(userId: string, issuedAtMs: number | undefined): Promise<boolean> {
    const beforeMs = await this.#options.connection.revocations.revokedBefore(userId)
    return beforeMs !== undefined && (issuedAtMs === undefined || issuedAtMs <= beforeMs)
  }

  /** Hands on what a client of another node has sent. False where nobody knows that node. At most once. */
  async emulate(nodeId: string, session: string, data: string): Promise<boolean> {
    const message: ControlCommand = { kind: 'emulation', session, data }
    if (nodeId === this.#options.nodeId) {
      this.#obey(message)
      return true
    }
    const { pubSub, namespace } = this.#options.connection
    return (await pubSub.plain.publish(nodeChannel(namespace, nodeId), JSON.stringify(message))) > 0
  }

  /** Obeys no more. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true
    release(this.#handles.splice(0))
  }

  #obey(command: ControlCommand | undefined): void {
    if (command === undefined || this.#closed) return
    for (const { listener } of this.#listeners) this.#tell(() => listener(command))
  }

  #tell(act: () => void): void {
    if (this.#closed) return
    try {
      act()
    } catch (error) {
      this.#options.report(error)
    }
  }
}

function release(handles: readonly Promise<SubscriptionHandle>[]): void {
  for (const handle of handles) {
    handle.then(
      (held) => held.release(),
      () => {},
    )
  }
}
