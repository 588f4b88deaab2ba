/**
 * The place of one entry in its log, good for as long as the log lives and across failovers.
 *
 * `seq` rises by exactly one per entry over the life of the log, so a gap is seen at once. `gen`, the generation,
 * rises when the Redis that writes has changed its history (a replica was promoted, a server restarted): an entry
 * that was lost and the one that took its number differ in it. `epoch` names the log itself, made anew when its
 * history is gone. No part depends on a clock.
 */
export interface Position {
  readonly epoch: string
  readonly gen: number
  readonly seq: number
}

/** Letters and digits: what an epoch is made of. */
const POSITION = /^(\d{1,16})-(\d{1,16})@([0-9a-z]{1,32})$/

/** Before the first entry of a log that does not exist yet, whatever its epoch will be. As text `0-0@`. */
export const BEFORE_BIRTH: Position = { epoch: '', gen: 0, seq: 0 }

/** The text form, `<seq>-<gen>@<epoch>`, to store and to hand on. */
export function formatPosition({ epoch, gen, seq }: Position): string {
  return `${seq}-${gen}@${epoch}`
}

/** Reads the text form; undefined for what is none. */
export function parsePosition(text: string): Position | undefined {
  const match = POSITION.exec(text)
  if (match === null) return text === '0-0@' ? BEFORE_BIRTH : undefined
  const [seq, gen] = [Number(match[1]), Number(match[2])]
  return Number.isSafeInteger(seq) && Number.isSafeInteger(gen) ? { epoch: match[3]!, gen, seq } : undefined
}
