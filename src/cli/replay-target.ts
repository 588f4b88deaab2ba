import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Connection } from '../connection/connection.ts'
import { toByteString } from '../core/byte-string.ts'
import { assertEventType } from '../core/channel-name.ts'
import { describeThrown } from '../core/describe.ts'
import { TidingsError } from '../core/errors.ts'
import { compileGlob } from '../core/glob.ts'
import type { StoredEvent } from '../messaging/event-history.ts'
import { Publisher } from '../messaging/publisher.ts'
import { isPattern } from './arguments.ts'
import { UsageError } from './failure.ts'

/** What replayed events are given to. */
export interface ReplayTarget {
  /** Resolves when the event is dealt with: true where it was there already. */
  take(event: StoredEvent): unknown
}

export interface OtherType {
  readonly source: string
  readonly to: string
  readonly prefix: string
  readonly maxBytes: number
}

/**
 * Replayed events must not come among those that are replayed.
 * @throws UsageError, TidingsError `INVALID_EVENT_TYPE`
 */
export function assertOther(source: string, to: string): void {
  assertEventType(to)
  if (isPattern(source) ? compileGlob(source).matches(toByteString(to)) : source === to) {
    throw new UsageError(`"${to}" is among what is replayed. Replay to another event type.`)
  }
}

/**
 * Another event type. Where it keeps history, an event is appended under its old position as the key, so that one
 * that was replayed a moment ago is not there twice; else it is published.
 */
export async function toOtherType(connection: Connection, { to, prefix, maxBytes }: OtherType): Promise<ReplayTarget> {
  const publisher = new Publisher({ redis: connection, maxBytes })
  const channel = prefix + to
  const kept = await keepsHistory(connection, channel)
  return {
    take: async ({ timestamp, data, position }) => {
      const event = { type: to, timestamp, data }
      if (kept) return (await publisher.append(channel, event, { dedupeKey: position })).duplicate
      await publisher.publish(channel, event)
      return false
    },
  }
}

async function keepsHistory({ pubSub }: Connection, channel: string): Promise<boolean> {
  try {
    await pubSub.logOf(channel)
    return true
  } catch (error) {
    if (error instanceof TidingsError && error.code === 'NO_HISTORY') return false
    throw error
  }
}

/** @throws UsageError where there is no such file */
export async function assertModule(file: string): Promise<void> {
  await access(file).catch((cause: unknown) => {
    throw new UsageError(`${file} cannot be read: ${describeThrown(cause)}`, { cause })
  })
}

/** The function that a module exports as its default. @throws UsageError */
export async function toModule(file: string): Promise<ReplayTarget> {
  await assertModule(file)
  let handler: unknown
  try {
    handler = ((await import(pathToFileURL(resolve(file)).href)) as { default?: unknown }).default
  } catch (cause) {
    throw new UsageError(`${file} cannot be loaded: ${describeThrown(cause)}`, { cause })
  }
  if (typeof handler !== 'function') throw new UsageError(`${file} has no function as its default export.`)
  const call = handler as (event: StoredEvent) => unknown
  return {
    take: async (event) => {
      await call(event)
      return false
    },
  }
}
