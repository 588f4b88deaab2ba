/** Sources that are asked for their first item together. */
const AT_ONCE = 100

/** A source that has a next item. */
interface Front<T> {
  item: T
  readonly source: AsyncIterator<T>
  /** Of items that compare equal, those of the earlier source come first. */
  readonly order: number
}

/**
 * Merges sources that are each in order into one that is. Holds one item of each source; O(log sources) an item.
 * However it ends, every source is ended.
 */
export async function* mergeOrdered<T>(
  sources: readonly AsyncIterator<T>[],
  compare: (a: T, b: T) => number,
): AsyncGenerator<T, void, undefined> {
  const heap: Front<T>[] = []
  const before = (a: Front<T>, b: Front<T>) => (compare(a.item, b.item) || a.order - b.order) < 0
  try {
    for (let begun = 0; begun < sources.length; begun += AT_ONCE) {
      const firsts = await Promise.all(sources.slice(begun, begun + AT_ONCE).map((source) => source.next()))
      for (const [index, { value, done }] of firsts.entries()) {
        if (!done) heap.push({ item: value, source: sources[begun + index]!, order: begun + index })
      }
      // Whatever else the process does must not wait for all of them.
      await new Promise((resolve) => setImmediate(resolve))
    }
    for (let at = heap.length >> 1; at >= 0; at -= 1) sink(heap, at, before)
    while (heap.length > 0) {
      const front = heap[0]!
      yield front.item
      const { value, done } = await front.source.next()
      if (done) {
        const last = heap.pop()!
        if (heap.length > 0) heap[0] = last
      } else front.item = value
      sink(heap, 0, before)
    }
  } finally {
    await Promise.all(sources.map((source) => source.return?.()))
  }
}

/** Lets an item down to its place in a binary heap. */
function sink<T>(heap: T[], start: number, before: (a: T, b: T) => boolean): void {
  for (let at = start; ; ) {
    let least = at
    for (const child of [2 * at + 1, 2 * at + 2]) {
      if (child < heap.length && before(heap[child]!, heap[least]!)) least = child
    }
    if (least === at) return
    const item = heap[at]!
    heap[at] = heap[least]!
    heap[least] = item
    at = least
  }
}
