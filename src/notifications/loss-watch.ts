import type { BroadcastBoard } from './broadcast-board.ts'

/**
 * Tells a user who is no longer there because the server has lost all, broadcasts too, from one who was erased. Where
 * there never was a broadcast nothing tells them apart, and nothing is taken as a loss.
 */
export class LossWatch {
  readonly #board: BroadcastBoard
  /** The broadcast log while the user was there last; undefined from when the inbox was erased. */
  #log: string | undefined

  constructor(board: BroadcastBoard) {
    this.#board = board
  }

  /** The user is there. */
  there(): void {
    this.#log = this.#board.position.epoch
  }

  erased(): void {
    this.#log = undefined
  }

  boardChanged(): void {
    // The first log of all takes nothing away.
    if (this.#log === '') this.there()
  }

  /** For a user who is not there. */
  hasLost(): boolean {
    return this.#log !== undefined && this.#log !== '' && this.#log !== this.#board.position.epoch
  }
}
