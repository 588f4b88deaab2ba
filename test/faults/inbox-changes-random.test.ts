import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type InboxCounts,
  type InboxSync,
  type Notification,
  NotificationService,
  type NotificationServiceOptions,
} from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { Chance } from '../support/inbox-chance.ts'
import { RedisServer } from '../support/redis-server.ts'

const SEED = Number(process.env.TIDINGS_SEED ?? Math.floor(Math.random() * 2 ** 31))
const USER = 'u'

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.stopWithoutLeaks())

/** A device that has nothing but what it was told. */
class Device {
  readonly #service: NotificationService
  readonly #inbox = new Map<string, Notification>()
  #work: Promise<void> = Promise.resolve()
  counts: InboxCounts | undefined
  state: string | undefined

  constructor(service: NotificationService) {
    this.#service = service
  }

  get notifications(): Notification[] {
    return [...this.#inbox.values()].sort(byId)
  }

  apply(change: InboxSync): void {
    this.#work = this.#work.then(async () => {
      this.counts = change.counts
      this.state = change.state
      if (change.reset) return this.load()
      for (const id of change.removed) this.#inbox.delete(id)
      for (const notification of change.changed) this.#inbox.set(notification.id, notification)
    })
  }

  async load(): Promise<void> {
    const { notifications, counts, state } = await this.#service.list(USER, { limit: 1_000, view: 'all' })
    this.#inbox.clear()
    for (const notification of notifications) this.#inbox.set(notification.id, notification)
    this.counts = counts
    this.state = state
  }

  async sync(): Promise<void> {
    if (this.state === undefined) return this.load()
    this.apply(await this.#service.sync(USER, this.state))
    await this.#work
  }
}

test.each([
  ['in memory', () => ({ redis: `memory:${randomUUID()}` }), 12, 120],
  ['on Redis', () => ({ redis: server.url, namespace: randomUUID(), channelPrefix: `${randomUUID()}:` }), 6, 120],
])(
  `who is told every change, and who asks now and then, have the inbox %s (seed ${SEED})`,
  { timeout: 180_000 },
  async (_where, place, rounds, steps) => {
    const chance = new Chance(SEED)
    for (let round = 0; round < rounds; round += 1) {
      // So few that broadcasts go for others that come. Half of all rounds never see it.
      const maxBroadcasts = chance.happens(0.5) ? 6 : 1_000
      const isAudience = chance.happens(0.5)
        ? (_userId: string, audience: unknown) => audience === 'us'
        : async (_userId: string, audience: unknown) => audience === 'us'
      const where = { ...place(), maxBroadcasts, isAudience } as NotificationServiceOptions
      const [here, there] = [new NotificationService(where), new NotificationService(where)]
      try {
        await play(here, there, chance, steps, `seed ${SEED}, round ${round}`)
      } finally {
        await Promise.all([here.close(), there.close()])
      }
    }
  },
)

async function play(
  here: NotificationService,
  there: NotificationService,
  chance: Chance,
  steps: number,
  what: string,
) {
  const [live, lazy] = [new Device(here), new Device(there)]
  const said = (n: number) =>
    ({
      type: chance.one(['info', 'error'] as const),
      title: `${n}`,
      message: '',
      topic: chance.one([undefined, 'a', 'b']),
    }) as const
  if (chance.happens(0.5)) for (let n = 0; n < 3; n += 1) await there.broadcast(said(n))
  await live.load()
  await here.subscribeUser(USER, () => {}, { onChange: (change) => live.apply(change) })
  const broadcasts: string[] = []
  const own: string[] = []
  const does: Record<string, (service: NotificationService, n: number) => Promise<unknown>> = {
    broadcast: async (service, n) => {
      const audience = chance.one([undefined, undefined, 'us', 'them'])
      const expiresAt = chance.happens(0.15) ? new Date(Date.now() + 20 + chance.below(200)) : undefined
      broadcasts.push((await service.broadcast({ ...said(n), audience, expiresAt })).id)
    },
    burst: (service, n) => Promise.all(Array.from({ length: 1 + chance.below(9) }, () => does.broadcast!(service, n))),
    edit: (service, n) => {
      const audience = chance.one([undefined, 'us', 'them'])
      return service.editBroadcast(chance.one([...broadcasts.slice(-8), 'b_none']), { ...said(n), audience })
    },
    recall: (service) => service.recallBroadcast(chance.one([...broadcasts.slice(-8), 'b_none'])),
    send: async (service, n) => own.push((await service.sendToUser(USER, said(n))).id ?? 'muted'),
    read: (service) => service.markAsRead(USER, some()),
    unread: (service) => service.markAsUnread(USER, some()),
    archive: (service) => service.archive(USER, some()),
    delete: (service) => service.delete(USER, some()),
    snooze: (service) => service.snooze(USER, some()[0] ?? 'b_none', new Date(Date.now() + 20 + chance.below(100))),
    readAll: (service) => service.markAllAsRead(USER, { upTo: chance.happens(0.5) ? lazy.state : undefined }),
    mute: (service) =>
      service.mute(USER, { types: chance.some(['info', 'error'], 1), topics: chance.some(['a', 'b'], 1) }),
    together: (service, n) =>
      Promise.all(['send', 'burst', 'send', 'broadcast', 'send'].map((name) => does[name]!(service, n))),
    sync: () => lazy.sync(),
  }
  const some = () => chance.some([...broadcasts.slice(-8), ...own.slice(-8)], 3)
  const often = ['broadcast', 'burst', 'together', 'edit', 'recall', 'send', 'delete', 'read']
  for (let n = 0; n < steps; n += 1) {
    const name = chance.happens(0.6) ? chance.one(often) : chance.one(Object.keys(does))
    await does[name]!(chance.one([here, there]), n)
    if (n % 10 === 9) {
      await eventually(async () => {
        const { notifications, counts } = await here.list(USER, { limit: 1_000, view: 'all' })
        await lazy.sync()
        for (const [who, device] of Object.entries({ live, lazy })) {
          expect(device.notifications, `${who}: ${what}, step ${n}`).toEqual([...notifications].sort(byId))
          expect(device.counts, `${who}: ${what}, step ${n}`).toEqual(counts)
        }
      }, 10_000)
    }
  }
}

function byId(a: Notification, b: Notification): number {
  return a.id < b.id ? -1 : Number(a.id > b.id)
}
