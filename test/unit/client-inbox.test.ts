import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import WebSocket from 'ws'
import { isKnownIn } from '../../src/client/inbox-state.ts'
import { type Client, type ClientOptions, createClient } from '../../src/client/index.ts'
import { formatState } from '../../src/notifications/state-token.ts'
import { CLIENT_ERRORS } from '../../src/protocol/codes.ts'
import { eventually } from '../support/eventually.ts'
import { FakeGateway, Refusal } from '../support/fake-gateway.ts'

let gateway: FakeGateway

beforeEach(async () => {
  gateway = await FakeGateway.start()
  gateway.connectData = { inbox: { counts: counts(0), state: state(1) } }
})
afterEach(() => gateway.close())

function connect(options: Partial<ClientOptions> = {}): Client {
  const client = createClient({
    url: gateway.url,
    websocket: WebSocket,
    minReconnectDelayMs: 5,
    maxReconnectDelayMs: 20,
    ...options,
  })
  onTestFinished(() => client.close())
  return client
}

/** The state of an inbox after so many changes. */
function state(rev: number, { gen = 1, epoch = 'abc', broadcasts = 0, atMs = rev } = {}): string {
  return formatState({
    version: { epoch, gen, rev },
    head: rev,
    broadcasts: { epoch: 'def', gen: 1, seq: broadcasts },
    atMs,
  })
}

const counts = (unread: number) => ({
  total: unread,
  unread,
  unseen: unread,
  byType: { info: unread, warning: 0, error: 0, success: 0 },
})
const change = (rev: number, ids: string[], unread = ids.length) => ({
  reset: false,
  changed: ids.map((id) => ({ id })),
  removed: [],
  counts: counts(unread),
  state: state(rev),
})
const push = (data: unknown) => gateway.push('#inbox', { pub: { data } })
const pushChange = (...args: Parameters<typeof change>) => push({ kind: 'change', change: change(...args) })

describe('the methods of the inbox', () => {
  it.each<[string, (inbox: Client['inbox']) => Promise<unknown>, object, unknown, unknown?]>([
    ['list', (inbox) => inbox.list({ limit: 5, view: 'unread' }), { limit: 5, view: 'unread' }, { notifications: [] }],
    ['list', (inbox) => inbox.list(), {}, { notifications: [] }],
    ['counts', (inbox) => inbox.counts(), {}, { counts: 1 }],
    ['sync', (inbox) => inbox.sync('s'), { state: 's' }, { reset: true }],
    [
      'read',
      (inbox) => inbox.markAsRead(['a', 'b']),
      { ids: ['a', 'b'] },
      { outcomes: ['changed', 'already'] },
      ['changed', 'already'],
    ],
    ['read', (inbox) => inbox.markAsRead('a'), { ids: ['a'] }, { outcomes: ['changed'] }, 'changed'],
    ['unread', (inbox) => inbox.markAsUnread('a'), { ids: ['a'] }, { outcomes: ['changed'] }, 'changed'],
    ['archive', (inbox) => inbox.archive(['a']), { ids: ['a'] }, { outcomes: ['changed'] }, ['changed']],
    ['delete', (inbox) => inbox.delete('a'), { ids: ['a'] }, { outcomes: ['unknown'] }, 'unknown'],
    ['read-all', (inbox) => inbox.markAllAsRead({ upTo: 's' }), { upTo: 's' }, { counts: 1 }],
    ['read-all', (inbox) => inbox.markAllAsRead(), {}, { counts: 1 }],
    ['seen', (inbox) => inbox.markAsSeen(), {}, { counts: 1 }],
    [
      'snooze',
      (inbox) => inbox.snooze('a', new Date(0)),
      { id: 'a', until: '1970-01-01T00:00:00.000Z' },
      { outcome: 'changed' },
      'changed',
    ],
    ['act', (inbox) => inbox.act('a', 'ok'), { id: 'a', action: 'ok' }, { outcome: 'already' }, 'already'],
    ['preferences', (inbox) => inbox.preferences(), {}, { topics: [] }],
    ['mute', (inbox) => inbox.mute({ types: ['info'] }), { types: ['info'] }, null, undefined],
    ['follow', (inbox) => inbox.follow('t'), { topic: 't' }, null, undefined],
    ['unfollow', (inbox) => inbox.unfollow('t'), { topic: 't' }, null, undefined],
  ])('call inbox.%s', async (method, call, data, answer, ...[result = answer ?? undefined]) => {
    gateway.rpc.set(`inbox.${method}`, () => answer)
    expect(await call(connect().inbox)).toEqual(result)
    expect(gateway.of('rpc')).toEqual([{ method: `inbox.${method}`, data }])
  })

  it('reject with what the gateway says', async () => {
    gateway.rpc.set('inbox.counts', () => {
      throw new Refusal(CLIENT_ERRORS.permissionDenied)
    })
    await expect(connect().inbox.counts()).rejects.toMatchObject({ name: 'ClientError', code: 'PERMISSION_DENIED' })
  })
})

describe('the live inbox', () => {
  it('tells notifications and changes as they come, and what there is', async () => {
    const client = connect()
    const [onNotification, onChange] = [vi.fn(), vi.fn()]
    client.inbox.onNotification(onNotification)
    client.inbox.onChange(onChange)
    expect(client.inbox.current).toBeUndefined()
    await client.ready()
    expect(client.inbox.current).toEqual({ counts: counts(0), state: state(1) })
    push({ kind: 'notification', notification: { id: 'a' } })
    pushChange(2, ['a'])
    push({ kind: 'something new' })
    push(null)
    pushChange(3, ['b'], 2)
    await eventually(() => expect(onChange).toHaveBeenCalledTimes(2))
    expect(onNotification.mock.calls).toEqual([[{ id: 'a' }]])
    expect(onChange.mock.calls).toEqual([[change(2, ['a'])], [change(3, ['b'], 2)]])
    expect(client.inbox.current).toEqual({ counts: counts(2), state: state(3) })
  })

  it('calls a handler as often as it was given, until it is taken away', async () => {
    const client = connect()
    const [handler, last] = [vi.fn(), vi.fn()]
    const end = client.inbox.onChange(handler)
    client.inbox.onChange(handler)
    client.inbox.onChange(last)
    await client.ready()
    pushChange(2, ['a'])
    await eventually(() => expect(last).toHaveBeenCalledTimes(1))
    expect(handler).toHaveBeenCalledTimes(2)
    end()
    end()
    pushChange(3, ['b'])
    await eventually(() => expect(last).toHaveBeenCalledTimes(2))
    expect(handler).toHaveBeenCalledTimes(3)
  })

  it('leaves out a change that is in what it was told when it connected', async () => {
    gateway.connectData = { inbox: { counts: counts(5), state: state(5) } }
    const client = connect()
    const onChange = vi.fn()
    client.inbox.onChange(onChange)
    await client.ready()
    pushChange(4, ['old'])
    pushChange(5, ['old'])
    pushChange(6, ['new'])
    await eventually(() => expect(onChange).toHaveBeenCalled())
    expect(onChange.mock.calls).toEqual([[change(6, ['new'])]])
  })

  it('works for a client that has no inbox', async () => {
    gateway.connectData = undefined
    const client = connect()
    await client.ready()
    gateway.cut()
    await client.ready()
    expect(client.inbox.current).toBeUndefined()
    expect(gateway.of('rpc')).toEqual([])
  })
})

describe('after a reconnect', () => {
  /** A client that knows the inbox after its second change, and is then cut off. */
  async function reconnect(options: Partial<ClientOptions> = {}) {
    const client = connect(options)
    const changes: unknown[] = []
    client.inbox.onChange((one) => changes.push(one))
    await client.ready()
    pushChange(2, ['a'])
    await eventually(() => expect(changes).toHaveLength(1))
    changes.length = 0
    gateway.connectData = { inbox: { counts: counts(4), state: state(4) } }
    gateway.cut()
    return { client, changes }
  }

  it('exactly what was missed is told, asked for from the last state', async () => {
    const missed = change(4, ['b', 'c'], 3)
    gateway.rpc.set('inbox.sync', () => missed)
    const { client, changes } = await reconnect()
    await eventually(() => expect(changes).toEqual([missed]))
    expect(gateway.of('rpc')).toEqual([{ method: 'inbox.sync', data: { state: state(2) } }])
    expect(client.inbox.current).toEqual({ counts: counts(3), state: state(4) })
    // The next one goes on from there.
    gateway.rpc.set('inbox.sync', () => change(4, [], 3))
    gateway.cut()
    await eventually(() => expect(gateway.of('rpc')).toHaveLength(2))
    expect(gateway.of('rpc')[1]).toMatchObject({ data: { state: state(4) } })
  })

  it('nothing is told where nothing was missed', async () => {
    gateway.rpc.set('inbox.sync', () => ({ ...change(2, [], 1), state: state(2, { atMs: 9 }) }))
    const { client, changes } = await reconnect()
    await eventually(() => expect(client.inbox.current?.state).toBe(state(2, { atMs: 9 })))
    expect(changes).toEqual([])
  })

  it('what comes meanwhile follows what was missed, without what that has already', async () => {
    let answer: (missed: unknown) => void
    const answered = new Promise((resolve) => {
      answer = resolve
    })
    gateway.rpc.set('inbox.sync', () => answered)
    const { changes } = await reconnect()
    await eventually(() => expect(gateway.of('rpc')).toHaveLength(1))
    pushChange(5, ['d'])
    pushChange(6, ['e'])
    pushChange(7, ['f'])
    answer!(change(6, ['b', 'c', 'd', 'e']))
    await eventually(() => expect(changes).toHaveLength(2))
    pushChange(8, ['g'])
    await eventually(() => expect(changes).toHaveLength(3))
    expect(changes).toEqual([change(6, ['b', 'c', 'd', 'e']), change(7, ['f']), change(8, ['g'])])
  })

  it('a connection that breaks again meanwhile changes nothing: the next one asks from the same state', async () => {
    gateway.rpc.set('inbox.sync', () => new Promise(() => {}))
    const { changes } = await reconnect()
    await eventually(() => expect(gateway.of('rpc')).toHaveLength(1))
    pushChange(5, ['lost'])
    gateway.rpc.set('inbox.sync', () => change(6, ['b', 'c', 'lost']))
    gateway.cut()
    await eventually(() => expect(changes).toHaveLength(1))
    expect(gateway.of('rpc').map(({ data }) => data)).toEqual([{ state: state(2) }, { state: state(2) }])
    expect(changes).toEqual([change(6, ['b', 'c', 'lost'])])
  })

  it('an inbox that cannot say what was missed is to be loaded anew', async () => {
    const onError = vi.fn()
    gateway.rpc.set('inbox.sync', () => {
      throw new Refusal(CLIENT_ERRORS.internal)
    })
    const { changes } = await reconnect({ onError })
    await eventually(() => expect(changes).toMatchObject([{ reset: true, counts: counts(4), state: state(4) }]))
    expect(onError.mock.calls).toContainEqual([expect.objectContaining({ code: 'INTERNAL', temporary: true })])
  })
})

describe('states', () => {
  it.each([
    ['itself', state(3), state(3), true],
    ['a later one', state(2), state(3), true],
    ['an earlier one', state(4), state(3), false],
    ['one of a later generation', state(3), state(3, { gen: 2 }), true],
    ['one of an earlier generation', state(3, { gen: 2 }), state(5), false],
    ['one of another inbox', state(3), state(9, { epoch: 'other' }), false],
    ['one that knows fewer broadcasts', state(3, { broadcasts: 2 }), state(4, { broadcasts: 1 }), false],
    ['one of an earlier time', state(3, { atMs: 10 }), state(3, { atMs: 9 }), false],
    ['one of a form that nobody knows', state(3), 'v2', false],
    ['one with more parts', state(3), `${state(4)}.5`, false],
  ])('are known in %s or not', (_what, one, other, known) => {
    expect(isKnownIn(one, other)).toBe(known)
  })
})
