import type { Position } from '../protocol/position.ts'
import type { Broadcast } from './broadcast.ts'

/** Steps that are remembered, and broadcasts that one of them may take away: whoever is further behind looks anew. */
const MAX_STEPS = 64
const MAX_GONE = 64

/** What one entry of the broadcast log did to the board. */
export interface BoardStep {
  /** Where the board was before. */
  readonly from: Position
  /** What came or has changed; its `former` is what it was. */
  readonly now: Broadcast | undefined
  /** What is no longer kept. */
  readonly gone: readonly Broadcast[]
}

/** What has just happened on the board, so that whoever was up to date needs not look through all of it again. */
export class BoardJournal {
  #steps: readonly BoardStep[] = []

  add(step: BoardStep): void {
    if (step.gone.length > MAX_GONE) this.clear()
    else this.#steps = [...this.#steps.slice(1 - MAX_STEPS), step]
  }

  clear(): void {
    this.#steps = []
  }

  /** The steps from a position on; undefined where they are not known. */
  since(position: Position): readonly BoardStep[] | undefined {
    const index = this.#steps.findLastIndex(({ from }) => isSame(from, position))
    return index < 0 ? undefined : this.#steps.slice(index)
  }
}

export function isSame(a: Position, b: Position): boolean {
  return a.seq === b.seq && a.gen === b.gen && a.epoch === b.epoch
}
