import type { InboxState } from '../core/inbox.ts'
import type { BroadcastTarget, CommandOutcome, InboxCommand, InboxStore, Targets } from '../core/inbox-store.ts'
import type { Position } from '../protocol/position.ts'
import type { Audiences } from './audiences.ts'
import type { BroadcastBoard } from './broadcast-board.ts'
import { isBroadcastId } from './broadcast-log.ts'
import { invalid, type NotificationBody } from './notification-body.ts'
import { invalidOption } from './notification-options.ts'
import { parseOwnId } from './notification-view.ts'
import type { SeenState } from './state-token.ts'

const MAX_IDS = 1_000

/** Which of all notifications are meant. */
export interface MarkAllOptions {
  /** The `state` of an answer: those that had come by then. Default: all that are there now. */
  readonly upTo?: string | undefined
}

/** One outcome for one id, a list for a list. */
export type OutcomeOf<Ids> = Ids extends string ? CommandOutcome : CommandOutcome[]

type Target = { readonly own: Position } | { readonly broadcast: BroadcastTarget } | undefined

/** What users do with notifications: ids become places in the inbox and in the broadcast log. */
export class InboxCommands {
  readonly #store: InboxStore
  readonly #board: BroadcastBoard
  readonly #audiences: Audiences

  constructor(store: InboxStore, board: BroadcastBoard, audiences: Audiences) {
    this.#store = store
    this.#board = board
    this.#audiences = audiences
  }

  /** One command for one or several notifications. Outcomes are in the order of the ids. */
  async these<Ids extends string | readonly string[]>(
    userId: string,
    ids: Ids,
    command: (targets: Targets) => InboxCommand,
  ): Promise<OutcomeOf<Ids>> {
    const list: unknown = typeof ids === 'string' ? [ids] : ids
    if (!Array.isArray(list) || list.length > MAX_IDS || !list.every((id) => typeof id === 'string')) {
      throw invalidOption('id', `the id of a notification, or a list of at most ${MAX_IDS}`)
    }
    const targets = await Promise.all(list.map((id: string) => this.#target(userId, id)))
    const own = targets.flatMap((target) => (target !== undefined && 'own' in target ? [target.own] : []))
    const broadcasts = targets.flatMap((target) =>
      target !== undefined && 'broadcast' in target ? [target.broadcast] : [],
    )
    const { outcomes } = await this.#store.change(userId, command({ own, broadcasts }), this.#board.place)
    let [nextOwn, nextBroadcast] = [0, own.length]
    const all = targets.map((target): CommandOutcome => {
      if (target === undefined) return 'unknown'
      return outcomes['own' in target ? nextOwn++ : nextBroadcast++] ?? 'unknown'
    })
    return (typeof ids === 'string' ? all[0]! : all) as OutcomeOf<Ids>
  }

  /** @throws TidingsError `INVALID_NOTIFICATION` where it has no such action */
  async act(userId: string, id: string, action: string): Promise<CommandOutcome> {
    const unknown = () => invalid('action', 'must be the key of one of its actions')
    if (typeof action !== 'string' || action === '') throw unknown()
    const body = await this.body(userId, id)
    if (body === undefined) return 'unknown'
    if (!body.actions?.some(({ key }) => key === action)) throw unknown()
    return this.these(userId, id, (targets) => ({ kind: 'act', action, ...targets }))
  }

  /** Everything up to what somebody has seen, or up to now. */
  async all(userId: string, kind: 'read-all' | 'see-all', seen: SeenState | undefined): Promise<InboxState> {
    const [store, board] = [this.#store, this.#board]
    if (seen === undefined) {
      const { epoch, gen, head } = (await store.change(userId, { kind: 'join' }, board.place)).state
      const upTo = { own: { epoch, gen, seq: head }, broadcasts: board.place }
      return (await store.change(userId, { kind, upTo }, board.place)).state
    }
    await board.reach(seen.broadcasts)
    const { epoch, gen } = seen.version
    const upTo = { own: { epoch, gen, seq: seen.head }, broadcasts: board.clamp(seen.broadcasts) }
    return (await store.change(userId, { kind, upTo }, board.place)).state
  }

  /** What a notification says; undefined for one that is not there. */
  async body(userId: string, id: string): Promise<NotificationBody | undefined> {
    if (typeof id !== 'string') throw invalidOption('id', 'the id of a notification')
    const own = parseOwnId(id)
    if (own === undefined) return (await this.#board.seek(id))?.body
    const query = { view: 'all', limit: 1, before: own.seq + 1 } as const
    const { entries, state } = await this.#store.list(userId, query, this.#board.place)
    const [entry] = entries
    if (entry?.seq !== own.seq || entry.gen !== own.gen || state.epoch !== own.epoch) return undefined
    return JSON.parse(entry.body) as NotificationBody
  }

  async #target(userId: string, id: string): Promise<Target> {
    const own = parseOwnId(id)
    if (own !== undefined) return { own }
    const broadcast = isBroadcastId(id) ? await this.#board.seek(id) : undefined
    if (broadcast === undefined || broadcast.recalled) return undefined
    if ((await this.#audiences.of(userId, [broadcast])).length === 0) return undefined
    const { seq, gen, expiresAtMs } = broadcast
    return { broadcast: { seq, gen, expiresAtMs } }
  }
}
