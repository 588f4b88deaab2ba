import { buffer } from 'node:stream/consumers'
import { InvalidArgumentError } from 'commander'
import { UsageError } from './failure.ts'

/** The longest time that a timer of Node can be set to. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Reads an option's whole number, from 1. */
export function wholeNumber(text: string): number {
  return upTo(Number.MAX_SAFE_INTEGER, text)
}

/** Reads an option's duration in milliseconds, from 1. */
export function milliseconds(text: string): number {
  return upTo(MAX_TIMER_MS, text)
}

/** Reads an option's duration in seconds, from 1. */
export function seconds(text: string): number {
  return upTo(Math.floor(MAX_TIMER_MS / 1_000), text)
}

function upTo(max: number, text: string): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= 1 && number <= max) return number
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${max}.`)
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
