import assert from 'node:assert/strict'
import {
  assertThere,
  joinsFirst,
  LONG_MS,
  leavesLast,
  member,
  type PresenceCase,
  presenceCase,
  SHORT_MS,
  untilClients,
} from './presence-case.ts'

/** More than a store removes at once. */
const MANY = 1_700

/** What time does. */
export const leaseCases: readonly PresenceCase[] = [
  presenceCase('whose lease is over is not there any more, and comes back as new', async ({ presence }) => {
    await presence.join('room', member('c1', 'ada'), SHORT_MS)
    await presence.join('room', member('c2', 'bob'), LONG_MS)
    assert.deepEqual(await untilClients(presence, 'room', 1), { clients: 1, users: 1 })
    await assertThere(presence, 'room', [member('c2', 'bob')])
    assert.equal(await leavesLast(presence, 'room', 'c1'), false)
    assert.equal(await joinsFirst(presence, 'room', member('c1', 'ada')), true)
    await assertThere(presence, 'room', [member('c1', 'ada'), member('c2', 'bob')])
  }),

  presenceCase('a user stays as long as one client does', async ({ presence }) => {
    await presence.join('room', member('c1', 'ada'), SHORT_MS)
    await presence.join('room', member('c2', 'ada'), LONG_MS)
    assert.deepEqual(await untilClients(presence, 'room', 1), { clients: 1, users: 1 })
    assert.equal(await joinsFirst(presence, 'room', member('c3', 'ada')), false)
    assert.equal(await leavesLast(presence, 'room', 'c2'), false)
    assert.equal(await leavesLast(presence, 'room', 'c3'), true)
  }),

  presenceCase('a renewal keeps many beyond their first leases', async (one, other) => {
    const members = Array.from({ length: MANY }, (_, n) => member(`c${n}`, `u${n % 7}`, `{"n":${n}}`))
    await one.presence.renew('room', members, 1_500)
    await one.presence.renew('room', members, LONG_MS)
    // Tells when the first leases must be over, by the store's clock.
    await other.presence.join('clock', member('c', 'u'), 1_500)
    await untilClients(other.presence, 'clock', 0)
    await assertThere(other.presence, 'room', members)
  }),

  presenceCase('a renewal brings back whose lease was over', async ({ presence }) => {
    await presence.join('room', member('c1', 'ada', '"x"'), SHORT_MS)
    await presence.join('room', member('c2', 'ada'), SHORT_MS)
    await untilClients(presence, 'room', 0)
    const members = [member('c1', 'ada', '"x"'), member('c2', 'ada'), member('c3', 'bob')]
    await presence.renew('room', members, LONG_MS)
    await assertThere(presence, 'room', members)
    assert.equal(await leavesLast(presence, 'room', 'c1'), false)
    assert.equal(await leavesLast(presence, 'room', 'c2'), true)
  }),

  presenceCase('joining again may make a lease shorter', async ({ presence }) => {
    await presence.join('room', member('c1', 'ada'), LONG_MS)
    await presence.join('room', member('c1', 'ada'), SHORT_MS)
    assert.deepEqual(await untilClients(presence, 'room', 0), { clients: 0, users: 0 })
  }),

  presenceCase(
    'when a crowd is over at once, the very next answer is exact, whatever was asked',
    async (one, other) => {
      const crowd = Array.from({ length: MANY }, (_, n) => member(`c${n}`, `u${n % 700}`))
      const asked = ['stats', 'list', 'join', 'leave', 'renew'] as const
      const stays = member('stays', 'u0')
      for (const room of asked) {
        await one.presence.renew(room, crowd, 1_500)
        await other.presence.join(room, stays, LONG_MS)
      }
      // It begins after all of them, and lasts as long.
      await other.presence.join('clock', member('c', 'u'), 1_500)
      await untilClients(other.presence, 'clock', 0)
      assert.deepEqual(await one.presence.stats('stats'), { clients: 1, users: 1 })
      assert.deepEqual(await one.presence.list('list'), [stays])
      assert.equal(await joinsFirst(one.presence, 'join', member('c1', 'u1')), true)
      assert.equal(await leavesLast(one.presence, 'leave', 'stays'), true)
      await one.presence.renew('renew', [member('c1', 'u1')], LONG_MS)
      await assertThere(other.presence, 'join', [stays, member('c1', 'u1')])
      await assertThere(other.presence, 'leave', [])
      await assertThere(other.presence, 'renew', [stays, member('c1', 'u1')])
    },
  ),
]
