import { type Position, parsePosition } from '../protocol/position.ts'

interface Parts {
  readonly version: Position
  readonly broadcasts: Position
  readonly atMs: number
}

/** The parts of the `state` of an answer; undefined for one of a newer kind. */
function parse(state: string): Parts | undefined {
  const [version = '', , broadcasts = '', atMs = '', ...rest] = state.split('.')
  const [own, shared] = [parsePosition(version), parsePosition(broadcasts)]
  if (own === undefined || shared === undefined || rest.length > 0) return undefined
  return { version: own, broadcasts: shared, atMs: Number(atMs) }
}

/**
 * Whether a state says nothing that is not in another one. False where that cannot be told: it is better told twice than
 * not at all.
 */
export function isKnownIn(state: string, known: string): boolean {
  const [a, b] = [parse(state), parse(known)]
  if (a === undefined || b === undefined) return false
  return isUpTo(a.version, b.version) && isUpTo(a.broadcasts, b.broadcasts) && a.atMs <= b.atMs
}

function isUpTo(a: Position, b: Position): boolean {
  return a.epoch === b.epoch && a.gen <= b.gen && a.seq <= b.seq
}
