import { createHash } from 'node:crypto'
import type { Connection } from '../connection/connection.ts'
import { describeThrown } from '../core/describe.ts'
import { TidingsError } from '../core/errors.ts'
import type { ForeignLists } from '../core/foreign-lists.ts'
import type { BroadcastPlace, InboxStore } from '../core/inbox-store.ts'
import { type ArticleItem, type KeyShape, parseKeyPattern, readItem, userOfKey, whyNot } from './article-item.ts'
import { Broadcasts } from './broadcasts.ts'
import { invalidOption, readSettings, type ServiceSettings } from './notification-options.ts'
import { isImported } from './notification-view.ts'
import { Sender } from './sender.ts'

/** For which what was imported is not imported again. */
const REPEAT_WINDOW_MS = 7 * 86_400_000
/**
 * As many as an inbox can hold at all, so that importing removes nothing that is there. The next one that is sent does:
 * what was imported counts as newer than all before, so what goes is what came live, however old the imported is.
 */
const MAX_ITEMS = 10_000
/** For a look at own ones alone. */
const NOWHERE: BroadcastPlace = { epoch: '', seq: 0, gen: 0, firstSeq: 1 }
/** Users at a time. */
const CONCURRENCY = 32

/** Something that cannot be imported. */
export interface BadItem {
  readonly key: string
  /** Its index in the list; undefined for the list as a whole. */
  readonly index: number | undefined
  readonly reason: string
}

export interface ImportOptions {
  /** The names of the lists, with one `*` for the user. Default `user:*:notifications`. */
  readonly keyPattern?: string | undefined
  /** That of the service that gets them. */
  readonly channelPrefix?: string | undefined
  /** Reads and counts, and does nothing else. */
  readonly dryRun?: boolean | undefined
  /** Ends it between two notifications, with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
  readonly onBad?: ((bad: BadItem) => void) | undefined
  /** Told now and then how many lists are done. To know the total, they are counted first. */
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined
}

/** What an import has come to. */
export interface ImportResult {
  /** Users with a list. */
  readonly users: number
  /**
   * Of these, those who had a notification of another origin before what is new here: retention takes it for older than
   * that, and removes it first.
   */
  readonly inUse: number
  /** Notifications that are new; in a dry run, all that could be. */
  readonly imported: number
  /** Of these, those that had been read. */
  readonly read: number
  /** An earlier import had brought them. */
  readonly already: number
  /** Their users have muted them. */
  readonly unwanted: number
  readonly bad: number
}

/**
 * Brings notifications that another program keeps as one list for each user, newest first, into the users' inboxes:
 * oldest first, with their own times, read where they had been read. No handler is told of them as of something new. The
 * lists are not changed. What was imported within a week is not imported again, so an import that ended early can be run
 * again. Retention goes by the order in which an inbox got them: import before anything is sent to these users.
 *
 * A failure ends it with the result so far as `context`; what cannot be imported does not.
 * @throws TidingsError `INVALID_OPTION`, `ABORTED`, and as from `InboxStore.send`
 */
export async function importArticleLists(connection: Connection, options: ImportOptions = {}): Promise<ImportResult> {
  const { keyPattern = 'user:*:notifications', channelPrefix } = options
  const shape = parseKeyPattern(keyPattern)
  if (shape === undefined) throw invalidOption('keyPattern', 'a name with one "*" for the user, and no other wildcard')
  const settings = readSettings({ channelPrefix })
  const lists = connection.foreignLists
  if (lists === undefined) throw new TidingsError('INVALID_OPTION', 'In memory there are no lists to import.')
  const broadcasts = new Broadcasts(connection, settings, { onChange: () => {}, onError: () => {} })
  try {
    // A user joins with the first one, and is shown the broadcasts from then on.
    if (!options.dryRun) await broadcasts.board.ready()
    const store = connection.inboxStore
    const sender = new Sender(store, broadcasts, settings)
    const run = new ArticleImport({ store, lists, keyPattern, shape, settings, options, sender })
    return await run.run()
  } finally {
    broadcasts.close()
  }
}

interface ImportParts {
  readonly store: InboxStore
  readonly lists: ForeignLists
  readonly keyPattern: string
  readonly shape: KeyShape
  readonly settings: ServiceSettings
  readonly options: ImportOptions
  readonly sender: Sender
}

class ArticleImport {
  readonly #parts: ImportParts
  readonly #result = { users: 0, inUse: 0, imported: 0, read: 0, already: 0, unwanted: 0, bad: 0 }
  #total = 0
  #done = 0
  #failure: unknown

  constructor(parts: ImportParts) {
    this.#parts = parts
  }

  async run(): Promise<ImportResult> {
    const { options, lists, keyPattern } = this.#parts
    try {
      if (options.onProgress) for await (const keys of lists.keys(keyPattern)) this.#total += keys.length
      const keys = each(lists.keys(keyPattern))
      const workers = Array.from({ length: CONCURRENCY }, () => this.#work(keys))
      const settled = await Promise.allSettled(workers)
      for (const one of settled) if (one.status === 'rejected') throw one.reason
      return { ...this.#result }
    } catch (cause) {
      const aborted = options.signal?.aborted === true
      const code = aborted ? 'ABORTED' : cause instanceof TidingsError ? cause.code : 'REDIS_ERROR'
      throw new TidingsError(code, `Not everything was imported: ${describeThrown(cause)}`, {
        cause,
        hint: 'Import again: what is there is not imported twice.',
        context: { ...this.#result },
      })
    }
  }

  async #work(keys: AsyncGenerator<Uint8Array>): Promise<void> {
    const { options } = this.#parts
    try {
      for await (const key of keys) {
        this.#goOn()
        await this.#user(key)
        this.#done += 1
        options.onProgress?.({ done: this.#done, total: Math.max(this.#done, this.#total) })
      }
    } catch (error) {
      this.#failure ??= error
      throw error
    }
  }

  async #user(key: Uint8Array): Promise<void> {
    const { lists, shape, settings, options } = this.#parts
    const name = Buffer.from(key).toString()
    let userId: string
    try {
      userId = userOfKey(key, shape)
    } catch (error) {
      return this.#bad(name, undefined, error)
    }
    const items = new Map<string, ArticleItem>()
    const values = await lists.first(key, MAX_ITEMS)
    for (const [index, value] of [...values.entries()].reverse()) {
      try {
        const item = readItem(value, userId, settings.maxBytes)
        // One that is there twice was marked as read just when another came, and took that one's place.
        items.set(item.id, { ...(items.get(item.id) ?? item), read: item.read || items.get(item.id)?.read === true })
      } catch (error) {
        this.#bad(name, index, error)
      }
    }
    if (values.length > 0) this.#result.users += 1
    const isInUse = items.size > 0 && (await this.#isInUse(userId))
    if (!options.dryRun) return this.#bring(userId, items.values(), isInUse)
    this.#result.inUse += Number(isInUse)
    this.#result.imported += items.size
    for (const { read } of items.values()) this.#result.read += Number(read)
  }

  async #isInUse(userId: string): Promise<boolean> {
    const query = { view: 'all', limit: 1, joins: false } as const
    const { entries } = await this.#parts.store.list(userId, query, NOWHERE)
    return entries.some((entry) => !isImported(entry))
  }

  /** One after the other: their order is that of the list. */
  async #bring(userId: string, items: Iterable<ArticleItem>, isInUse: boolean): Promise<void> {
    const { sender } = this.#parts
    const result = this.#result
    let isFirst = true
    for (const { id, type, body, read } of items) {
      this.#goOn()
      const dedupe = { key: repeatKey(id), windowMs: REPEAT_WINDOW_MS }
      const message = { body, type, dedupe, imported: { read }, maxCount: MAX_ITEMS }
      const { outcome } = await sender.deliver(userId, message)
      if (outcome === 'duplicate') result.already += 1
      else if (outcome !== 'stored') result.unwanted += 1
      else {
        result.imported += 1
        result.read += Number(read)
        result.inUse += Number(isInUse && isFirst)
        isFirst = false
      }
    }
  }

  #goOn(): void {
    this.#parts.options.signal?.throwIfAborted()
    // Another worker's.
    if (this.#failure !== undefined) throw this.#failure
  }

  #bad(key: string, index: number | undefined, thrown: unknown): void {
    this.#result.bad += 1
    this.#parts.options.onBad?.({ key, index, reason: whyNot(thrown) })
  }
}

async function* each(pages: AsyncIterable<readonly Uint8Array[]>): AsyncGenerator<Uint8Array> {
  for await (const page of pages) yield* page
}

/** Old ids may be of any length, and there may be very many. */
function repeatKey(id: string): string {
  return `import:${createHash('sha256').update(id).digest('base64url').slice(0, 20)}`
}
