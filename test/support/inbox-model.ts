import type { BroadcastMarks, InboxEntry, Muted, NotificationType, OwnCounts, Place } from '../../src/core/inbox.ts'
import type {
  BroadcastPlace,
  CommandOutcome,
  InboxCommand,
  InboxView,
  NotificationMessage,
} from '../../src/core/inbox-store.ts'

/** What an inbox is to its user: written as plainly as can be, with nothing of the stores in it. */
interface Item {
  /** `<seq>-<gen>` */
  readonly name: string
  readonly place: Place
  state: 'unread' | 'read' | 'archived' | 'snoozed' | 'deleted'
  untilMs: number | undefined
  acted: string | undefined
  seen: boolean
}

interface Own extends Item {
  readonly type: NotificationType
  readonly group: string | undefined
  readonly count: number
  readonly expiresAtMs: number | undefined
  body: string
}

interface Memory {
  /** Undefined until the user has joined. */
  epoch: string | undefined
  rev: number
  head: number
  own: Own[]
  /** The broadcast log that is known, what of it was there before the user joined, and what was touched of it. */
  log: string
  hidden: string[]
  broadcasts: Item[]
  muted: Muted
  topics: string[]
  rated: number
  sent: { readonly key: string; readonly epoch: string; readonly place: Place }[]
}

const EMPTY: Memory = {
  epoch: undefined,
  rev: 0,
  head: 0,
  own: [],
  log: '',
  hidden: [],
  broadcasts: [],
  muted: { types: [], topics: [] },
  topics: [],
  rated: 0,
  sent: [],
}

const nameOf = ({ seq, gen }: Place) => `${seq}-${gen}`
const covers = (mark: Place, { seq, gen }: Place) => seq <= mark.seq && gen <= mark.gen
const later = (one: Place, other: Place) => (one.gen === other.gen ? one.seq > other.seq : one.gen > other.gen)

export class InboxModel {
  is: Memory = structuredClone(EMPTY)

  save(): Memory {
    return structuredClone(this.is)
  }

  restore(memory: Memory): void {
    this.is = structuredClone(memory)
  }

  /** Dedupe marks stay. */
  erase(): void {
    this.is = { ...structuredClone(EMPTY), sent: this.is.sent }
  }

  flush(): void {
    this.is = structuredClone(EMPTY)
  }

  /** What every call does first. `news` is the broadcast log as it is. */
  arrive(epoch: string, at: BroadcastPlace, news: readonly Place[], nowMs: number): void {
    const { is } = this
    if (is.epoch === undefined) {
      is.epoch = epoch
      is.hidden = news.map(nameOf)
      is.log = at.epoch
    }
    if (at.epoch !== '' && at.epoch !== is.log) {
      if (is.log !== '') {
        is.hidden = []
        is.broadcasts = []
      }
      is.log = at.epoch
    }
    is.own = is.own.filter(({ expiresAtMs }) => expiresAtMs === undefined || expiresAtMs > nowMs)
    for (const item of [...is.own, ...is.broadcasts]) {
      if (item.untilMs !== undefined && item.untilMs <= nowMs) wake(item)
    }
  }

  /** What will become of a notification; `stored` ones are to be told with {@link stored}. */
  fate(message: NotificationMessage): 'muted' | 'not-following' | 'duplicate' | 'stored' | 'collapsed' {
    const { muted, topics, sent, rated } = this.is
    const { type, topic, followersOnly, dedupe, rate } = message
    if (muted.types.includes(type) || (topic && muted.topics.includes(topic))) return 'muted'
    if (followersOnly && !(topic && topics.includes(topic))) return 'not-following'
    if (dedupe && sent.some(({ key }) => key === dedupe.key)) return 'duplicate'
    return rate && rated >= rate.max ? 'collapsed' : 'stored'
  }

  stored(message: NotificationMessage, collapsed: boolean, place: Place): void {
    const { is } = this
    const group = collapsed ? 'the summary' : message.groupKey && `group ${message.groupKey}`
    const former = is.own.find((each) => group !== undefined && each.group === group)
    const count = former?.state === 'unread' || former?.state === 'snoozed' ? former.count + 1 : 1
    is.own = is.own.filter((each) => each !== former)
    is.own.push({
      ...fresh(place),
      type: message.type,
      group,
      count,
      expiresAtMs: collapsed ? undefined : message.expiresAtMs,
      body: collapsed ? message.rate!.summary.split('{count}').join(String(count)) : message.body,
    })
    is.own = is.own.slice(-message.maxCount)
    is.head = place.seq
    if (message.rate && !collapsed) is.rated += 1
    if (message.dedupe) is.sent.push({ key: message.dedupe.key, epoch: is.epoch!, place })
  }

  /** Undefined where an outcome depends on more than what a user sees. */
  change(
    command: InboxCommand,
    at: BroadcastPlace,
    news: readonly Place[],
    nowMs: number,
  ): (CommandOutcome | undefined)[] {
    const { is } = this
    const done = (changed: boolean): CommandOutcome[] => [changed ? 'changed' : 'already']
    switch (command.kind) {
      case 'join':
      case 'settle':
        return [undefined]
      case 'follow':
      case 'unfollow': {
        const without = is.topics.filter((topic) => topic !== command.topic)
        const before = is.topics.length
        is.topics = command.kind === 'follow' ? [...without, command.topic] : without
        return done(is.topics.length !== before)
      }
      case 'mute': {
        const text = ({ types, topics }: Muted) => JSON.stringify([[...types].sort(), [...topics].sort()])
        const before = is.muted
        is.muted = command.muted
        return done(text(before) !== text(command.muted))
      }
      case 'read-all':
      case 'see-all': {
        const { own, broadcasts } = command.upTo
        const ours = is.own.filter(({ place }) => own && own.epoch === is.epoch && covers(own, place))
        const mark = broadcasts && (later(broadcasts, at) ? at : broadcasts)
        const theirs = news
          .filter((place) => mark && covers(mark, place))
          .flatMap((place) => this.broadcast(place) ?? [])
        const touched = [...ours, ...theirs]
        if (command.kind === 'see-all') {
          for (const item of touched) item.seen = true
          return [undefined]
        }
        const unread = touched.filter(({ state }) => state === 'unread')
        for (const item of unread) item.state = 'read'
        return broadcasts ? [unread.length > 0 ? 'changed' : undefined] : done(unread.length > 0)
      }
      default: {
        const ours = command.own.map((target) => {
          const item = is.own.find(({ name }) => target.epoch === is.epoch && name === nameOf(target))
          if (item === undefined) return 'unknown'
          const outcome = apply(item, command, nowMs)
          is.own = is.own.filter(({ state }) => state !== 'deleted')
          return outcome
        })
        const theirs = command.broadcasts.map((place) => {
          const item = command.kind === 'edit' || command.kind === 'recall' ? undefined : this.broadcast(place)
          return item === undefined ? 'unknown' : apply(item, command, nowMs)
        })
        return [...ours, ...theirs]
      }
    }
  }

  /** A broadcast as the user has it; undefined where it is not there for this user. */
  broadcast(place: Place): Item | undefined {
    const name = nameOf(place)
    if (this.is.hidden.includes(name)) return undefined
    const known = this.is.broadcasts.find((item) => item.name === name)
    if (known === undefined) this.is.broadcasts.push(fresh(place))
    const item = this.is.broadcasts.find((each) => each.name === name)!
    return item.state === 'deleted' ? undefined : item
  }

  list(view: InboxView): InboxEntry[] {
    const wanted = this.is.own.filter(
      ({ state }) => view === 'all' || (view === 'inbox' ? state === 'unread' || state === 'read' : state === view),
    )
    return wanted.toReversed().map(({ place, body, count, state, seen, untilMs, expiresAtMs, acted }) => ({
      ...place,
      body,
      count,
      read: state === 'read' || state === 'archived',
      seen,
      archived: state === 'archived',
      snoozedUntilMs: untilMs,
      expiresAtMs,
      acted,
    }))
  }

  counts(): OwnCounts {
    const { own } = this.is
    const unread = own.filter(({ state }) => state === 'unread')
    const of = (type: NotificationType) => unread.filter((each) => each.type === type).length
    return {
      total: own.filter(({ state }) => state === 'unread' || state === 'read').length,
      unread: unread.length,
      unseen: unread.filter(({ seen }) => !seen).length,
      archived: own.filter(({ state }) => state === 'archived').length,
      snoozed: own.filter(({ state }) => state === 'snoozed').length,
      unreadByType: [of('info'), of('warning'), of('error'), of('success')],
    }
  }

  /** Each broadcast of the log that is there for this user, in words. */
  broadcasts(news: readonly Place[]): string[] {
    return news.flatMap((place) => {
      const item = this.broadcast(place)
      if (item === undefined) return []
      const { name, state, untilMs, acted, seen } = item
      return [`${name} ${state} ${untilMs ?? ''} ${acted ?? ''} ${seen ? 'seen' : ''}`]
    })
  }
}

/** The same from a store's marks, by the rules of their readers. */
export function broadcastsByMarks(marks: BroadcastMarks, news: readonly Place[]): string[] {
  return news.flatMap((place) => {
    const name = nameOf(place)
    if (covers(marks.joined, place) || marks.deleted.has(name)) return []
    const untilMs = marks.snoozed.get(name)
    const unread = covers(marks.watermark, place) ? marks.unread.has(name) : !marks.read.has(name)
    const calm = unread ? 'unread' : 'read'
    const state = untilMs !== undefined ? 'snoozed' : marks.archived.has(name) ? 'archived' : calm
    const seen = covers(marks.seenUpTo, place) ? 'seen' : ''
    return [`${name} ${state} ${untilMs ?? ''} ${marks.acted.get(name) ?? ''} ${seen}`]
  })
}

function fresh(place: Place): Item {
  return { name: nameOf(place), place, state: 'unread', untilMs: undefined, acted: undefined, seen: false }
}

function wake(item: Item): void {
  item.state = 'unread'
  item.untilMs = undefined
}

function apply(
  item: Item,
  command: Exclude<InboxCommand, { kind: 'join' | 'settle' | 'follow' | 'unfollow' | 'mute' | 'read-all' | 'see-all' }>,
  nowMs: number,
): CommandOutcome {
  const before = JSON.stringify(item)
  const put = (state: Item['state'], untilMs?: number) => {
    item.state = state
    item.untilMs = untilMs
  }
  switch (command.kind) {
    case 'read':
      if (item.state !== 'archived') put('read')
      break
    case 'unread':
      put('unread')
      break
    case 'archive':
      put('archived')
      break
    case 'snooze':
      if (command.untilMs > nowMs) put('snoozed', command.untilMs)
      else put('unread')
      break
    case 'delete':
    case 'recall':
      put('deleted')
      break
    case 'act':
      item.acted ??= command.action
      break
    case 'edit':
      Object.assign(item, { body: command.body })
      break
  }
  return JSON.stringify(item) === before ? 'already' : 'changed'
}
