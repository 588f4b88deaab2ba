/** Where a generation begins: the first entry that was written in it. */
export interface Generation {
  readonly gen: number
  readonly firstSeq: number
}

/** The generation of the entry `seq`, of those that a log still knows; undefined before the first. */
export function generationAt(chain: readonly Generation[], seq: number): number | undefined {
  return chain.findLast(({ firstSeq }) => firstSeq <= seq)?.gen
}
