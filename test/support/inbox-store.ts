import type { RedisInboxStore } from '../../src/backends/redis/inbox-store.ts'
import { RedisPubSub } from '../../src/backends/redis/pub-sub.ts'
import type { InboxState } from '../../src/core/inbox.ts'
import type { BroadcastPlace, CommandResult, InboxCommand, NotificationMessage } from '../../src/core/inbox-store.ts'
import { inboxPrefix } from '../../src/core/keys.ts'

const PARTITIONS = 128

/** What is known of a broadcast log that has come to 5. */
export const at: BroadcastPlace = { epoch: 'news', seq: 5, gen: 1, firstSeq: 1 }

export interface OpenedInboxStore {
  readonly store: RedisInboxStore
  readonly pubSub: RedisPubSub
}

export function openInboxStore(port: number, commandTimeoutMs = 5_000): OpenedInboxStore {
  const pubSub = new RedisPubSub({
    client: { host: '127.0.0.1', port },
    commandTimeoutMs,
    queue: { maxCount: 100_000, maxBytes: 67_108_864 },
    patternLimit: 16,
  })
  return { store: pubSub.openInboxStore({ namespace: 'tidings', partitions: PARTITIONS }), pubSub }
}

/** What the names of a user's keys begin with, for making trouble. */
export function prefixOf(userId: string): string {
  return inboxPrefix('tidings', userId, PARTITIONS)
}

export function message(title: string, more: Partial<NotificationMessage> = {}): NotificationMessage {
  return { body: JSON.stringify({ type: 'info', title }), type: 'info', maxCount: 1_000, ...more }
}

/** Sends what must be stored; its place. */
export async function stored(
  store: RedisInboxStore,
  userId: string,
  title: string,
  more: Partial<NotificationMessage> = {},
): Promise<{ seq: number; gen: number; epoch: string; receivers: number }> {
  const outcome = await store.send(userId, channelOf(userId), message(title, more), at)
  if (outcome.kind !== 'stored') throw new Error(`the notification is ${outcome.kind}`)
  return { ...outcome.place, epoch: outcome.epoch, receivers: outcome.receivers }
}

export function channelOf(userId: string): string {
  return `notifications:user:${userId}`
}

export function change(store: RedisInboxStore, userId: string, command: InboxCommand): Promise<CommandResult> {
  return store.change(userId, command, at)
}

export async function stateOf(store: RedisInboxStore, userId: string): Promise<InboxState> {
  return (await change(store, userId, { kind: 'join' })).state
}

/** All titles, newest first. */
export async function titles(
  store: RedisInboxStore,
  userId: string,
  view: 'all' | 'unread' = 'all',
): Promise<string[]> {
  const { entries } = await store.list(userId, { view, limit: 10_000 }, at)
  return entries.map(({ body }) => JSON.parse(body).title)
}
