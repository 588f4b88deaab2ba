import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { InvalidArgumentError } from 'commander'
import { describeThrown } from '../core/describe.ts'
import { parsePosition } from '../protocol/position.ts'
import { UsageError } from './failure.ts'

/** The longest time that a timer of Node can be set to. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Reads an option's whole number, from 1. */
export function wholeNumber(text: string): number {
  return upTo(Number.MAX_SAFE_INTEGER, text)
}

/** Reads an option's port; 0 is any that is free. */
export function port(text: string): number {
  return text === '0' ? 0 : upTo(65_535, text, '0 for any that is free, or ')
}

/** Reads an option's duration in milliseconds, from 1. */
export function milliseconds(text: string): number {
  return upTo(MAX_TIMER_MS, text)
}

/** Reads an option's duration in seconds, from 1. */
export function seconds(text: string): number {
  return upTo(Math.floor(MAX_TIMER_MS / 1_000), text)
}

/** Reads an option's number above 0, such as 0.5. */
export function amount(text: string): number {
  const number = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && number > 0 && Number.isFinite(number)) return number
  throw new InvalidArgumentError('It must be a number above 0.')
}

/** An argument that can be an event type or a pattern is a pattern where it has a wildcard. */
export function isPattern(text: string): boolean {
  return /[*?[]/.test(text)
}

function upTo(max: number, text: string, or = ''): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= 1 && number <= max) return number
  throw new InvalidArgumentError(`It must be ${or}a whole number from 1 to ${max}.`)
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** ISO 8601 as `Date` reads it everywhere: other texts mean different times on different engines, or none. */
const ISO_TIME = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/

/** Reads an option's place in a log: a position as it is; a time, or a duration back from now, as a date. */
export function timeOrPosition(text: string): Date | string {
  if (parsePosition(text) !== undefined) return text
  const ms = durationMs(text)
  const time = ms === undefined ? isoTime(text) : new Date(Math.max(0, Date.now() - ms))
  if (time !== undefined) return time
  throw new InvalidArgumentError(
    'It must be a time such as 2026-11-24T09:00:00Z, a duration back from now such as 10m, or a position.',
  )
}

/** Reads an option's time in the future, or a duration from now on. */
export function timeAhead(text: string): Date {
  const ms = durationMs(text)
  const time = ms === undefined ? isoTime(text) : new Date(Date.now() + ms)
  if (time !== undefined && time.getTime() > Date.now()) return time
  throw new InvalidArgumentError('It must be a time to come such as 2026-11-24T09:00:00Z, or a duration such as 10m.')
}

function durationMs(text: string): number | undefined {
  const [, amount, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? []
  return amount === undefined ? undefined : Number(amount) * UNIT_MS[unit!]!
}

function isoTime(text: string): Date | undefined {
  const day = ISO_TIME.exec(text)?.[1]
  const time = new Date(text)
  // A 30th of February is read as a day in March.
  const isOne = day !== undefined && !Number.isNaN(time.getTime()) && new Date(day).toISOString().startsWith(day)
  return isOne ? time : undefined
}

/** As {@link timeOrPosition}, or `start` for the first event. */
export function startOrPlace(text: string): 'start' | Date | string {
  return text === 'start' ? text : timeOrPosition(text)
}

/** A message as it was typed, or the whole of stdin, byte for byte, for `-`. */
export async function readMessage(argument: string): Promise<string | Uint8Array> {
  return argument === '-' ? await buffer(process.stdin) : argument
}

/** The JSON value that was typed, or that stdin holds for `-`. Without an argument it is null. */
export async function readData(argument: string | undefined): Promise<unknown> {
  if (argument === undefined) return null
  const text = String(await readMessage(argument))
  try {
    return JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new UsageError(`The data is not JSON: ${reason}. A text needs its own quotes: '"hello"'.`)
  }
}

/** The JSON that a file holds, or stdin for `-`, and how to call that file in messages. */
export async function readJsonFile(file: string): Promise<{ readonly name: string; readonly value: unknown }> {
  const name = file === '-' ? 'stdin' : file
  let text: string
  try {
    text = file === '-' ? String(await buffer(process.stdin)) : await readFile(file, 'utf8')
  } catch (cause) {
    throw new UsageError(`${name} cannot be read: ${describeThrown(cause)}`, { cause })
  }
  try {
    return { name, value: JSON.parse(text) }
  } catch (cause) {
    throw new UsageError(`${name} is not JSON: ${describeThrown(cause)}`, { cause })
  }
}
