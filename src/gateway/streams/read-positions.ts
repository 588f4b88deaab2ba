import type { Publication, SubscribeResult } from '../../protocol/client-protocol.ts'
import type { Position } from '../../protocol/position.ts'
import { MAX_RESUME_CHANNELS } from '../auth/resume-tokens.ts'
import { fromStream } from '../stream-position.ts'

/** Up to where each channel of a stream was read; undefined for one without history. */
export class ReadPositions {
  readonly #positions: Map<string, Position | undefined>

  constructor(positions: Iterable<readonly [string, Position | undefined]> = []) {
    this.#positions = new Map(positions)
  }

  get all(): ReadonlyMap<string, Position | undefined> {
    return this.#positions
  }

  get(channel: string): Position | undefined {
    return this.#positions.get(channel)
  }

  has(channel: string): boolean {
    return this.#positions.has(channel)
  }

  /** One that the server adds beyond what an id can hold is read, but not resumed. */
  set(channel: string, position: Position | undefined): void {
    if (this.#positions.has(channel) || this.#positions.size < MAX_RESUME_CHANNELS) {
      this.#positions.set(channel, position)
    }
  }

  delete(channel: string): void {
    this.#positions.delete(channel)
  }

  /** A publication tells its epoch only where it is another one than before. */
  advance(channel: string, { offset, epoch }: Publication): void {
    if (offset === undefined) return
    const before = this.#positions.get(channel)
    const position = epoch === undefined ? before && { ...before, seq: offset } : fromStream({ offset, epoch })
    if (position !== undefined) this.set(channel, position)
  }
}

/** Where somebody stands who has been subscribed and given what was recovered. */
export function positionOf({ recoverable, offset, epoch }: SubscribeResult): Position | undefined {
  if (recoverable !== true) return undefined
  return fromStream({ ...(offset !== undefined && { offset }), ...(epoch !== undefined && { epoch }) })
}
