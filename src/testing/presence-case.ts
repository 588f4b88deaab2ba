import assert from 'node:assert/strict'
import type { NodeRegistry, PresenceMember, PresenceStats, PresenceStore } from '../core/presence.ts'
import type { Revocations } from '../core/revocations.ts'
import { until } from './awaiting.ts'
import type { ConformanceCase } from './conformance-case.ts'

/** One client of one server or hub. */
export interface PresenceClient {
  readonly presence: PresenceStore
  readonly nodes: NodeRegistry
  readonly revocations: Revocations
  /** Closes all of them. */
  close(): Promise<void>
}

/** What a backend brings to the suite. */
export interface PresenceHarness {
  /** A new client on a namespace that no other run of a case uses. The case that asked for it closes it. */
  create(): Promise<PresenceClient>
}

export type PresenceCase = ConformanceCase<PresenceHarness>

/** Longer than any case takes. */
export const LONG_MS = 60_000
/** Long enough for a call or two before it is over, short enough to wait for. */
export const SHORT_MS = 300

export function presenceCase(
  name: string,
  test: (one: PresenceClient, other: PresenceClient) => Promise<void>,
): PresenceCase {
  return {
    name,
    async run({ create }) {
      const [one, other] = [await create(), await create()]
      try {
        await test(one, other)
      } finally {
        await Promise.all([one.close(), other.close()])
      }
    },
  }
}

export function member(clientId: string, userId: string, info?: string): PresenceMember {
  return { clientId, userId, info }
}

export async function joinsFirst(
  store: PresenceStore,
  channel: string,
  who: PresenceMember,
  leaseMs: number = LONG_MS,
): Promise<boolean> {
  return (await store.join(channel, who, leaseMs)).firstOfUser
}

export async function leavesLast(store: PresenceStore, channel: string, clientId: string): Promise<boolean> {
  return (await store.leave(channel, clientId)).lastOfUser
}

/** Counts and list say the same: these members. */
export async function assertThere(
  store: PresenceStore,
  channel: string,
  members: readonly PresenceMember[],
): Promise<void> {
  const users = new Set(members.map(({ userId }) => userId))
  assert.deepEqual(await store.stats(channel), { clients: members.length, users: users.size })
  assert.deepEqual(sorted(await store.list(channel)), sorted(members))
}

/** Waits until so many clients are left. */
export async function untilClients(store: PresenceStore, channel: string, clients: number): Promise<PresenceStats> {
  await until(async () => (await store.stats(channel)).clients, clients, 'the number of clients')
  return store.stats(channel)
}

function sorted(members: readonly PresenceMember[]): readonly PresenceMember[] {
  return [...members].sort((a, b) => (a.clientId < b.clientId ? -1 : 1))
}
