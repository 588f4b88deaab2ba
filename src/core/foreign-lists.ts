/** Lists in the same Redis that another program keeps. They are read, and never changed. */
export interface ForeignLists {
  /** Keys of lists, by a glob, in pages and in no order. One may come twice; one that comes or goes meanwhile may be missing. */
  keys(pattern: string): AsyncIterable<readonly Uint8Array[]>

  /** The first so many values of a list, from one moment; none where there is no list of that name. */
  first(key: Uint8Array, limit: number): Promise<readonly Uint8Array[]>
}
