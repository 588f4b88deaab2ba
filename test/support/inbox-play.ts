import { expect } from 'vitest'
import { type InboxState, NOTIFICATION_TYPES, type Place } from '../../src/core/inbox.ts'
import type {
  InboxCommand,
  InboxStore,
  NotificationMessage,
  SendOutcome,
  Targets,
  UpTo,
} from '../../src/core/inbox-store.ts'
import { eventually } from './eventually.ts'
import type { InboxArena } from './inbox-arena.ts'
import type { Chance } from './inbox-chance.ts'
import { InboxClient } from './inbox-client.ts'
import { broadcastsByMarks, InboxModel } from './inbox-model.ts'
import { NewsLog } from './inbox-news.ts'

const TOPICS = ['art', 'news', 'sport']
/** Never comes while a test runs. */
const FAR_MS = 3_600_000

type OwnPlace = Place & { readonly epoch: string }

/** Does anything at random with ada's inbox, and compares each step with the model. */
export class InboxPlay {
  readonly #arena: InboxArena
  readonly #chance: Chance
  readonly #model = new InboxModel()
  #saved = this.#model.save()
  readonly #news = new NewsLog()
  readonly #clients = [new InboxClient(), new InboxClient(), new InboxClient()]
  /** Every place that was ever given, also what a failover has lost. */
  readonly #given: OwnPlace[] = []
  readonly #story: string[] = []
  #sent = 0
  #framesSeen = 0
  #nowMs = Date.now()
  #dueMs = 0

  constructor(arena: InboxArena, chance: Chance) {
    this.#arena = arena
    this.#chance = chance
  }

  async run(steps: number): Promise<void> {
    const acts: { weight: number; name: string; act: () => Promise<unknown> }[] = [
      { weight: 24, name: 'send', act: () => this.#send() },
      { weight: 40, name: 'change', act: () => this.#change(this.#command()) },
      { weight: 8, name: 'all', act: () => this.#change({ kind: this.#allKind(), upTo: this.#upTo() }) },
      { weight: 4, name: 'settings', act: () => this.#change(this.#setting()) },
      { weight: 0.5, name: 'flood', act: () => this.#flood() },
      { weight: 8, name: 'broadcast', act: async () => this.#news.append() },
      { weight: 1, name: 'broadcasts trimmed', act: async () => this.#news.trim(this.#chance.below(4)) },
      { weight: 1, name: 'broadcasts lost', act: async () => this.#news.lose(this.#chance.below(4)) },
      { weight: 0.5, name: 'broadcasts anew', act: async () => this.#news.begin() },
      { weight: 2, name: 'wait', act: () => this.#wait() },
      { weight: 3, name: 'cut', act: () => this.#arena.cut() },
      { weight: 3, name: 'save', act: () => this.#save() },
      { weight: 1.5, name: 'fail over', act: () => this.#failOver() },
      { weight: 0.5, name: 'erase', act: () => this.#erase() },
      { weight: 0.3, name: 'flush', act: () => this.#flush() },
      { weight: 6, name: 'sync', act: () => this.#sync(this.#chance.one(this.#clients)) },
    ]
    for (let step = 0; step < steps; step += 1) {
      const { name, act } = this.#chance.weighted(acts)
      this.#story.push(name)
      await act()
      await this.#compare()
    }
    for (const client of this.#clients) await this.#sync(client)
  }

  get #store(): InboxStore {
    return this.#chance.one(this.#arena.stores)
  }

  get #what(): string {
    return this.#story.slice(-25).join('; ')
  }

  #soon(): number {
    if (this.#chance.happens(0.5)) return this.#nowMs + FAR_MS + this.#chance.below(1_000)
    const soonMs = this.#nowMs + this.#chance.below(30)
    this.#dueMs = Math.max(this.#dueMs, soonMs)
    return soonMs
  }

  async #send(): Promise<void> {
    const chance = this.#chance
    this.#sent += 1
    const kind = chance.weighted([
      { weight: 5, more: {} },
      { weight: 3, more: { groupKey: chance.one(['likes', 'comments']) } },
      { weight: 2, more: { expiresAtMs: this.#soon() } },
      { weight: 2, more: { rate: { max: 3, windowMs: FAR_MS, summary: '{"title":"{count} more"}' } } },
      { weight: 2, more: { topic: chance.one(TOPICS), followersOnly: chance.happens(0.5) } },
    ])
    const dedupe = chance.happens(0.2) ? { key: `k${chance.below(20)}`, windowMs: FAR_MS } : undefined
    const message: NotificationMessage = {
      body: `{"title":"m${this.#sent}"}`,
      type: chance.one(NOTIFICATION_TYPES),
      maxCount: chance.happens(0.05) ? 5 : 15,
      dedupe,
      ...kind.more,
    }
    this.#story.push(JSON.stringify(message))
    await this.#check(message, await this.#store.send('ada', 'to:ada', message, this.#news.at))
  }

  /** More at once than `sync` remembers, from all stores. */
  async #flood(): Promise<void> {
    const type = NOTIFICATION_TYPES.find((each) => !this.#model.is.muted.types.includes(each))
    if (type === undefined) return
    const calls = Array.from({ length: 160 }, async () => {
      this.#sent += 1
      const message: NotificationMessage = { body: `{"title":"m${this.#sent}"}`, type, maxCount: 15 }
      return { message, outcome: await this.#store.send('ada', 'to:ada', message, this.#news.at) }
    })
    const sent = await Promise.all(calls)
    const seqOf = (outcome: SendOutcome) => ('place' in outcome ? outcome.place.seq : 0)
    sent.sort((one, other) => seqOf(one.outcome) - seqOf(other.outcome))
    for (const { message, outcome } of sent) await this.#check(message, outcome)
  }

  async #check(message: NotificationMessage, outcome: SendOutcome): Promise<void> {
    if (outcome.kind === 'stored' || outcome.kind === 'collapsed') {
      const { epoch, place, kind } = outcome
      // The store's time of this step is in its frame: what was due then is settled.
      const frame = await eventually(() => {
        const found = this.#arena.frames
          .slice(this.#framesSeen)
          .find((each) => each.kind === 'sent' && each.own[0]!.seq === place.seq && each.own[0]!.gen === place.gen)
        if (found === undefined) throw new Error(`no frame of ${JSON.stringify(place)}: ${this.#what}`)
        return found
      })
      this.#model.arrive(epoch, this.#news.at, this.#news.places, frame.nowMs)
      expect(kind, this.#what).toBe(this.#model.fate(message))
      expect(place.seq, this.#what).toBe(this.#model.is.head + 1)
      expect(this.#given, this.#what).not.toContainEqual({ ...place, epoch })
      this.#given.push({ ...place, epoch })
      this.#model.stored(message, kind === 'collapsed', place)
      return
    }
    expect(outcome.kind, this.#what).toBe(this.#model.fate(message))
    if (outcome.kind !== 'duplicate') return
    const first = this.#model.is.sent.find(({ key }) => key === message.dedupe!.key)
    expect(outcome, this.#what).toEqual({ kind: 'duplicate', epoch: first!.epoch, place: first!.place, receivers: 0 })
  }

  async #change(command: InboxCommand): Promise<void> {
    this.#story.push(JSON.stringify(command))
    const { outcomes, state } = await this.#store.change('ada', command, this.#news.at)
    this.#arrive(state)
    const expected = this.#model.change(command, this.#news.at, this.#news.places, state.nowMs)
    expect(outcomes.length, this.#what).toBe(expected.length)
    for (const [index, outcome] of expected.entries()) {
      if (outcome !== undefined) expect(outcomes[index], `target ${index}: ${this.#what}`).toBe(outcome)
    }
    this.#agrees(state)
  }

  #command(): InboxCommand {
    const chance = this.#chance
    const recent = chance.happens(0.8) ? this.#given.slice(-15) : this.#given
    const news = chance.happens(0.8) ? this.#news.places.slice(-8) : this.#news.places
    const targets: Targets = { own: chance.some(recent, 3), broadcasts: chance.some(news, 2) }
    const kind = chance.one(['read', 'read', 'unread', 'archive', 'delete', 'recall', 'snooze', 'act', 'edit'] as const)
    if (kind === 'snooze') {
      const untilMs = chance.happens(0.1) ? this.#nowMs - 1_000 : this.#soon()
      return { kind, untilMs, ...targets }
    }
    if (kind === 'act') return { kind, action: chance.one(['yes', 'no']), ...targets }
    if (kind === 'edit') return { kind, body: `{"title":"edited ${chance.below(3)}"}`, ...targets }
    return { kind, ...targets }
  }

  #allKind(): 'read-all' | 'see-all' {
    return this.#chance.one(['read-all', 'see-all'])
  }

  #upTo(): UpTo {
    const chance = this.#chance
    const own = chance.one(this.#given.slice(-20))
    const news = chance.one(this.#news.everKnown.slice(-10))
    const beyond = chance.happens(0.2) ? 100 : 0
    return {
      own: own && chance.happens(0.7) ? { ...own, seq: own.seq + beyond } : undefined,
      broadcasts: chance.happens(0.6) ? { ...news, seq: news.seq + beyond } : undefined,
    }
  }

  #setting(): InboxCommand {
    const chance = this.#chance
    if (chance.happens(0.5)) return { kind: chance.one(['follow', 'unfollow']), topic: chance.one(TOPICS) }
    const none = chance.happens(0.5)
    const types = none ? [] : chance.some(NOTIFICATION_TYPES, 2)
    return { kind: 'mute', muted: { types: [...new Set(types)], topics: [...new Set(chance.some(TOPICS, 1))] } }
  }

  /** Until all that is due soon is due. */
  async #wait(): Promise<void> {
    await eventually(async () => {
      const { state } = await this.#store.change('ada', { kind: 'join' }, this.#news.at)
      this.#arrive(state)
      if (state.nowMs <= this.#dueMs) throw new Error('not yet')
    })
  }

  async #save(): Promise<void> {
    await this.#arena.save()
    this.#saved = this.#model.save()
  }

  async #failOver(): Promise<void> {
    await this.#arena.failOver()
    this.#model.restore(this.#saved)
    // Before anything is written, too: what a client has seen may be lost.
    if (this.#chance.happens(0.5)) await this.#sync(this.#chance.one(this.#clients))
  }

  async #erase(): Promise<void> {
    const there = this.#model.is.epoch !== undefined
    expect(await this.#store.erase('ada'), this.#what).toBe(there)
    if (!there) return
    await this.#followFrames(({ kind }) => kind === 'erased')
    this.#model.erase()
  }

  async #flush(): Promise<void> {
    await this.#arena.flushAll()
    this.#model.flush()
  }

  async #compare(): Promise<void> {
    const view = this.#chance.one(['all', 'all', 'inbox', 'unread', 'archived', 'snoozed'] as const)
    const { entries, more, state } = await this.#store.list('ada', { view, limit: 100 }, this.#news.at)
    this.#arrive(state)
    expect(entries, this.#what).toEqual(this.#model.list(view))
    expect(more, this.#what).toBe(false)
    this.#agrees(state)
    await this.#followFrames(({ epoch, rev }) => epoch === state.epoch && rev === state.rev, state.rev)
  }

  #arrive(state: InboxState): void {
    this.#nowMs = state.nowMs
    this.#model.arrive(state.epoch, this.#news.at, this.#news.places, state.nowMs)
    expect(state.epoch, this.#what).toBe(this.#model.is.epoch)
  }

  #agrees(state: InboxState): void {
    const { is } = this.#model
    const what = this.#what
    expect(state.own, what).toEqual(this.#model.counts())
    expect(state.head, what).toBe(is.head)
    expect([...state.muted.types].sort(), what).toEqual([...is.muted.types].sort())
    expect([...state.muted.topics].sort(), what).toEqual([...is.muted.topics].sort())
    const news = this.#news.places
    expect(broadcastsByMarks(state.broadcasts, news), what).toEqual(this.#model.broadcasts(news))
    // What is snoozed of broadcasts that are no more may be forgotten.
    const isThere = ({ place }: { place: Place }) => place.seq >= this.#news.at.firstSeq
    const sleeping = is.broadcasts.filter(isThere)
    const dueMs = Math.min(...[...is.own, ...sleeping].map(({ untilMs }) => untilMs ?? Infinity))
    const nextMs = Math.min(dueMs, ...is.own.map(({ expiresAtMs }) => expiresAtMs ?? Infinity))
    if (is.broadcasts.every((item) => item.untilMs === undefined || isThere(item))) {
      expect(state.nextChangeAtMs ?? Infinity, what).toBe(nextMs)
    } else expect(state.nextChangeAtMs ?? Infinity, what).toBeLessThanOrEqual(nextMs)
  }

  /** Frames since the last time: each raises `rev` by one, until the one that is looked for. */
  async #followFrames(isLast: (frame: InboxArena['frames'][number]) => boolean, rev?: number): Promise<void> {
    const { is } = this.#model
    if (rev === is.rev) return
    await eventually(() => {
      if (!this.#arena.frames.slice(this.#framesSeen).some(isLast)) throw new Error(`frame missing: ${this.#what}`)
    })
    for (;;) {
      const frame = this.#arena.frames[this.#framesSeen]!
      this.#framesSeen += 1
      is.rev += 1
      expect([frame.epoch, frame.rev], this.#what).toEqual([is.epoch, is.rev])
      if (isLast(frame)) return
    }
  }

  /** Whatever it has missed, a client that applies what `sync` says has what a list shows. */
  async #sync(client: InboxClient): Promise<void> {
    const store = this.#store
    await eventually(async () => {
      const delta = await client.sync(store, this.#news.at)
      const { entries, state } = await store.list('ada', { view: 'all', limit: 100 }, this.#news.at)
      // What falls due in between is another change.
      if (state.rev !== client.rev) throw new Error('not at once')
      expect(client.entries, `${JSON.stringify(delta)} ${this.#what}`).toEqual(entries)
    })
  }
}
