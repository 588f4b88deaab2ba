import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type InboxEntry, type InboxState, type Place, placeText } from '../core/inbox.ts'
import { decodeInboxFrame, type InboxFrame } from '../core/inbox-frame.ts'
import type {
  BroadcastPlace,
  CommandOutcome,
  CommandResult,
  InboxCommand,
  InboxDelta,
  InboxPage,
  InboxStore,
  InboxView,
  NotificationMessage,
  SendOutcome,
  Targets,
  UpTo,
} from '../core/inbox-store.ts'
import { inboxChannel } from '../core/keys.ts'
import type { PubSub } from '../core/pub-sub.ts'
import { encodeUserId } from '../core/user-id.ts'
import { inTime } from './awaiting.ts'
import type { ConformanceCase } from './conformance-case.ts'
import { Inbox } from './inbox.ts'

/** One client: its inboxes, and the PubSub that gets what they publish. */
export interface InboxStoreClient {
  readonly inboxStore: InboxStore
  readonly pubSub: PubSub
  /** Closes both. */
  close(): Promise<void>
}

/** What a backend brings to the suite. */
export interface InboxStoreHarness {
  /** A new client of one server or hub, on this namespace. The case that asked for it closes it. */
  create(): Promise<InboxStoreClient>
  /** The namespace of the clients' inboxes. Each run of a case needs one that has never been used. */
  readonly namespace: string
  readonly partitions: number
}

interface CaseTools {
  /** A new client, closed when the case has ended. */
  client(): Promise<InboxStoreClient>
  /** A user, served by a client of its own unless one is given. */
  user(id?: string, client?: InboxStoreClient): Promise<InboxUser>
}

export type InboxStoreCase = ConformanceCase<InboxStoreHarness>

export function inboxStoreCase(name: string, test: (tools: CaseTools) => Promise<void>): InboxStoreCase {
  return {
    name,
    async run({ create, namespace, partitions }) {
      const opened: InboxStoreClient[] = []
      const mark = randomUUID()
      const client = async () => {
        const created = await create()
        opened.push(created)
        return created
      }
      const user = async (id = 'ada', by?: InboxStoreClient) => {
        const live = inboxChannel(namespace, encodeUserId(id), partitions)
        return new InboxUser(by ?? (await client()), id, `${mark}:${encodeUserId(id)}`, live)
      }
      try {
        await test({ client, user })
      } finally {
        await Promise.all(opened.map((each) => each.close()))
      }
    },
  }
}

export type OwnPlace = Place & { readonly epoch: string }

/** The frames of one inbox as they come. */
export class Frames {
  readonly #inbox = new Inbox()
  readonly listener: Inbox['listener'] = this.#inbox.listener

  get list(): InboxFrame[] {
    return this.#inbox.texts.map((text) => {
      const frame = decodeInboxFrame(text)
      assert.ok(frame, `no frame: ${text}`)
      return frame
    })
  }

  /** The frames, once so many have come: never more. */
  async exactly(count: number): Promise<InboxFrame[]> {
    await this.#inbox.has(count)
    assert.equal(this.list.length, count)
    return this.list
  }
}

/** One user as one client serves it, in short words. */
export class InboxUser {
  readonly id: string
  readonly channel: string
  readonly live: string
  readonly store: InboxStore
  readonly #pubSub: PubSub
  /** What is known of broadcasts with the next call. */
  at: BroadcastPlace = { epoch: '', seq: 0, gen: 0, firstSeq: 1 }

  constructor({ inboxStore, pubSub }: InboxStoreClient, id: string, channel: string, live: string) {
    this.store = inboxStore
    this.#pubSub = pubSub
    this.id = id
    this.channel = channel
    this.live = live
  }

  async frames(): Promise<Frames> {
    const frames = new Frames()
    await this.#pubSub.subscribe('channel', this.live, frames.listener)
    return frames
  }

  async messages(): Promise<Inbox> {
    const inbox = new Inbox()
    await this.#pubSub.subscribe('channel', this.channel, inbox.listener)
    return inbox
  }

  send(title: string = 'x', more: Partial<NotificationMessage> = {}): Promise<SendOutcome> {
    const message = { body: bodyOf(title, more.type), type: 'info', maxCount: 100, ...more } as const
    return this.store.send(this.id, this.channel, message, this.at)
  }

  /** Sends what must be stored; where it is. */
  async stored(title: string = 'x', more: Partial<NotificationMessage> = {}): Promise<OwnPlace> {
    const outcome = await this.send(title, more)
    assert.ok(outcome.kind === 'stored' || outcome.kind === 'collapsed', outcome.kind)
    return { ...outcome.place, epoch: outcome.epoch }
  }

  change(command: InboxCommand): Promise<CommandResult> {
    return this.store.change(this.id, command, this.at)
  }

  async to(
    kind: 'read' | 'unread' | 'archive' | 'delete' | 'recall',
    own: Targets['own'],
    broadcasts: Targets['broadcasts'] = [],
  ): Promise<readonly CommandOutcome[]> {
    return (await this.change({ kind, own, broadcasts })).outcomes
  }

  async snooze(
    untilMs: number,
    own: Targets['own'],
    broadcasts: Targets['broadcasts'] = [],
  ): Promise<readonly CommandOutcome[]> {
    return (await this.change({ kind: 'snooze', untilMs, own, broadcasts })).outcomes
  }

  /** Its only outcome. */
  async all(kind: 'read-all' | 'see-all', upTo: UpTo): Promise<CommandOutcome> {
    const { outcomes } = await this.change({ kind, upTo })
    assert.equal(outcomes.length, 1)
    return outcomes[0]!
  }

  list(view: InboxView = 'inbox', limit: number = 1_000, before?: number): Promise<InboxPage> {
    return this.store.list(this.id, { view, limit, before }, this.at)
  }

  /** Titles of a view, newest first. */
  async titles(view: InboxView = 'inbox'): Promise<string[]> {
    return (await this.list(view)).entries.map(titleOf)
  }

  async state(): Promise<InboxState> {
    return (await this.change({ kind: 'join' })).state
  }

  sync(since: InboxState): Promise<InboxDelta> {
    return this.store.sync(this.id, since, this.at)
  }

  /** By the store's clock: asks again until that time has come. */
  async reaches(timeMs: number): Promise<void> {
    const ask = async () => {
      while ((await this.state()).nowMs < timeMs) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await inTime(ask(), `the store's clock to be ${timeMs}`)
  }
}

export function bodyOf(title: string, type: string = 'info'): string {
  return JSON.stringify({ type, title, message: `about ${title}`, timestamp: '2026-11-24T10:00:00.000Z' })
}

export function titleOf({ body }: Pick<InboxEntry, 'body'>): string {
  return JSON.parse(body).title
}

export function textsOf(places: readonly Place[]): string[] {
  return places.map(placeText)
}

/** The head of a broadcast log that has come so far. */
export function broadcastsAt(seq: number, gen: number = 1, more: Partial<BroadcastPlace> = {}): BroadcastPlace {
  return { epoch: 'news', seq, gen, firstSeq: 1, ...more }
}

/** Whether the user's marks make a broadcast unread: the rule that readers of a state go by. */
export function isUnread({ broadcasts }: InboxState, place: Place): boolean {
  const text = placeText(place)
  const isUpTo = place.seq <= broadcasts.watermark.seq && place.gen <= broadcasts.watermark.gen
  return isUpTo ? broadcasts.unread.has(text) : !broadcasts.read.has(text)
}
