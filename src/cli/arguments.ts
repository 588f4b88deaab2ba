import { buffer } from 'node:stream/consumers'
import { InvalidArgumentError } from 'commander'
import { UsageError } from './failure.ts'

/** Reads an option's whole number, from 1. */
export function wholeNumber(text: string): number {
  const number = Number(text)
  if (!/^\d+$/.test(text) || number < 1 || !Number.isSafeInteger(number)) {
    throw new InvalidArgumentError('It must be a whole number from 1.')
  }
  return number
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
