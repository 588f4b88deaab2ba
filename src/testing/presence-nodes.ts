import assert from 'node:assert/strict'
import type { NodeInfo } from '../core/presence.ts'
import { until } from './awaiting.ts'
import { LONG_MS, type PresenceCase, presenceCase, SHORT_MS } from './presence-case.ts'

function node(id: string, startedAtMs: number, more: Partial<NodeInfo> = {}): NodeInfo {
  return { id, name: `name of ${id}`, version: '1.2.3', startedAtMs, clients: 0, users: 0, channels: 0, ...more }
}

/** Which nodes there are, and what is revoked. */
export const nodeCases: readonly PresenceCase[] = [
  presenceCase('nodes are listed by their start, as they last announced themselves', async (one, other) => {
    assert.deepEqual(await one.nodes.list(), [])
    const [late, early] = [node('a', 2_000), node('b', 1_000, { name: 'n\n"é 1' })]
    await one.nodes.announce(late, LONG_MS)
    await other.nodes.announce(early, LONG_MS)
    const grown = { ...late, clients: 5, users: 3, channels: 2 }
    await one.nodes.announce(grown, LONG_MS)
    assert.deepEqual(await other.nodes.list(), [early, grown])
  }),

  presenceCase('a node that leaves is gone at once; one that is not there may leave', async (one, other) => {
    await one.nodes.announce(node('a', 1), LONG_MS)
    await one.nodes.announce(node('b', 2), LONG_MS)
    await other.nodes.leave('a')
    await other.nodes.leave('a')
    assert.deepEqual(await one.nodes.list(), [node('b', 2)])
  }),

  presenceCase('a node that says nothing more is gone when its lease is over', async (one, other) => {
    await one.nodes.announce(node('a', 1), SHORT_MS)
    await one.nodes.announce(node('b', 2), SHORT_MS)
    await one.nodes.announce(node('b', 2), LONG_MS)
    await until(async () => (await other.nodes.list()).length, 1, 'the number of nodes')
    assert.deepEqual(await other.nodes.list(), [node('b', 2)])
    await one.nodes.announce(node('a', 1), LONG_MS)
    assert.equal((await other.nodes.list()).length, 2)
  }),

  presenceCase('the latest revocation of a user holds, and is that user’s alone', async (one, other) => {
    assert.equal(await one.revocations.revokedBefore('ada'), undefined)
    await one.revocations.revoke('ada', 1_800_000_000_500, LONG_MS)
    await other.revocations.revoke('ada', 1_700_000_000_000, LONG_MS)
    await other.revocations.revoke('a:da {x}', 7, LONG_MS)
    assert.equal(await other.revocations.revokedBefore('ada'), 1_800_000_000_500)
    assert.equal(await one.revocations.revokedBefore('a:da {x}'), 7)
    assert.equal(await one.revocations.revokedBefore('bob'), undefined)
    await one.revocations.revoke('ada', 1_900_000_000_000, LONG_MS)
    assert.equal(await other.revocations.revokedBefore('ada'), 1_900_000_000_000)
  }),

  presenceCase('a revocation is forgotten after the longest time that was asked for', async ({ revocations }) => {
    await revocations.revoke('ada', 1, SHORT_MS)
    await revocations.revoke('bob', 1, LONG_MS)
    await revocations.revoke('bob', 2, SHORT_MS)
    await until(() => revocations.revokedBefore('ada'), undefined, 'the revocation')
    assert.equal(await revocations.revokedBefore('bob'), 2)
  }),

  presenceCase('what is closed refuses, and may be closed again', async (one, other) => {
    await other.presence.join('room', { clientId: 'c1', userId: 'ada', info: undefined }, LONG_MS)
    assert.deepEqual(await one.presence.stats('room'), { clients: 1, users: 1 })
    await one.close()
    await one.close()
    const calls = [one.presence.stats('room'), one.nodes.list(), one.revocations.revokedBefore('ada')]
    for (const result of await Promise.allSettled(calls)) {
      assert.equal(result.status, 'rejected')
      assert.equal((result.reason as { code?: unknown }).code, 'CLOSED')
    }
    assert.deepEqual(await other.presence.stats('room'), { clients: 1, users: 1 })
  }),
]
