import assert from 'node:assert/strict'
import {
  assertThere,
  joinsFirst,
  LONG_MS,
  leavesLast,
  member,
  type PresenceCase,
  presenceCase,
} from './presence-case.ts'

const CROWD = 50

/** Who is there, and who was first or last. */
export const memberCases: readonly PresenceCase[] = [
  presenceCase('nobody is on a channel that nobody joined', async ({ presence }) => {
    await assertThere(presence, 'room', [])
    assert.equal(await leavesLast(presence, 'room', 'c1'), false)
  }),

  presenceCase('all clients of a server see who is there, and users are counted once', async (one, other) => {
    const [a, b, c] = [member('c1', 'ada', '{"n":1}'), member('c2', 'ada'), member('c3', 'bob', '"é"')]
    assert.equal(await joinsFirst(one.presence, 'room', a), true)
    assert.equal(await joinsFirst(other.presence, 'room', b), false)
    assert.equal(await joinsFirst(other.presence, 'room', c), true)
    await assertThere(one.presence, 'room', [a, b, c])
    await assertThere(other.presence, 'room', [a, b, c])
  }),

  presenceCase('the last client of a user says so when it leaves, and once', async (one, other) => {
    await one.presence.join('room', member('c1', 'ada'), LONG_MS)
    await other.presence.join('room', member('c2', 'ada'), LONG_MS)
    await other.presence.join('room', member('c3', 'bob'), LONG_MS)
    assert.equal(await leavesLast(one.presence, 'room', 'c1'), false)
    assert.equal(await leavesLast(one.presence, 'room', 'c1'), false)
    assert.equal(await leavesLast(one.presence, 'room', 'c2'), true)
    assert.equal(await leavesLast(one.presence, 'room', 'c2'), false)
    await assertThere(other.presence, 'room', [member('c3', 'bob')])
    assert.equal(await joinsFirst(other.presence, 'room', member('c4', 'ada')), true)
  }),

  presenceCase('of many clients of a user that come and go at once, one is first and one last', async (one, other) => {
    const clients = Array.from({ length: CROWD }, (_, n) => ({
      id: `c${n}`,
      by: n % 2 ? one.presence : other.presence,
    }))
    const first = await Promise.all(clients.map(({ id, by }) => joinsFirst(by, 'room', member(id, 'ada'))))
    assert.equal(first.filter(Boolean).length, 1)
    assert.deepEqual(await one.presence.stats('room'), { clients: CROWD, users: 1 })
    const last = await Promise.all(clients.map(({ id, by }) => leavesLast(by, 'room', id)))
    assert.equal(last.filter(Boolean).length, 1)
    await assertThere(one.presence, 'room', [])
  }),

  presenceCase('joining again replaces what is shown and counts nothing twice', async ({ presence }) => {
    await presence.join('room', member('c1', 'ada', '"old"'), LONG_MS)
    assert.equal(await joinsFirst(presence, 'room', member('c1', 'ada', '"new"')), false)
    await assertThere(presence, 'room', [member('c1', 'ada', '"new"')])
    assert.equal(await leavesLast(presence, 'room', 'c1'), true)
  }),

  presenceCase('a client that becomes another user leaves the first', async ({ presence }) => {
    await presence.join('room', member('c1', 'ada'), LONG_MS)
    assert.equal(await joinsFirst(presence, 'room', member('c1', 'bob')), true)
    await assertThere(presence, 'room', [member('c1', 'bob')])
    await presence.renew('room', [member('c1', 'cy')], LONG_MS)
    await assertThere(presence, 'room', [member('c1', 'cy')])
    assert.equal(await leavesLast(presence, 'room', 'c1'), true)
    await assertThere(presence, 'room', [])
  }),

  presenceCase('channels do not mix, whatever they are called', async ({ presence }) => {
    const channels = [
      'room',
      'members:room',
      'leases:room',
      '{room}',
      'ro om',
      'räume\n',
      'room:users',
      '__proto__',
      '',
    ]
    for (const [n, channel] of channels.entries()) await presence.join(channel, member(`c${n}`, `u${n}`), LONG_MS)
    for (const [n, channel] of channels.entries()) await assertThere(presence, channel, [member(`c${n}`, `u${n}`)])
  }),

  presenceCase('clients and users may be called anything', async ({ presence }) => {
    const names = ['', '3:abc', '0', '__proto__', 'constructor', 'ü:\n\0 x', '-1', 'ada:{"x":1}', '😀']
    const members = names.map((name, n) => member(name, names.at(-n)!, n % 2 ? `{"n":${n}}` : undefined))
    for (const each of members) assert.equal(await joinsFirst(presence, 'room', each), true)
    await assertThere(presence, 'room', members)
    for (const { clientId } of members) assert.equal(await leavesLast(presence, 'room', clientId), true)
    await assertThere(presence, 'room', [])
  }),
]
