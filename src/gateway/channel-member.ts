import type { Position } from '../protocol/position.ts'
import type { Frames } from './frames.ts'
import type { Kept } from './publication.ts'

/** A client's place on a channel. */
export interface Member {
  /** Takes frames of the channel. */
  write(frames: Frames): void
  /** Something is missing, or its positions are of another generation: it is no member any more and subscribes again. */
  resubscribe(why: { readonly code: number; readonly reason: string }): void
  /** Its positions are of another generation from this one on; false where it must subscribe again. */
  newGeneration(position: Position): boolean
  /** Something may be missing, and nobody can say what. */
  interrupted(): void
  /** Up to here it has been given what came, where that is more than the channel has delivered. */
  skipTo: Position | undefined
}

/** What a member that comes back is given first. */
export interface Recovery {
  readonly recovered: boolean
  readonly publications: readonly Kept[]
  /** Where it stands then. */
  readonly position: Position
  /** There is more, to be read from there on. */
  readonly more: boolean
}
