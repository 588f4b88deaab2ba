/** How long a `close()` waits for work that has begun. */
const CLOSE_DEADLINE_MS = 3_000

/** Waits until every promise has settled, however it did, and no longer than the deadline for closing. */
export async function settledWithin(
  promises: Iterable<PromiseLike<unknown>>,
  deadlineMs: number = CLOSE_DEADLINE_MS,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, deadlineMs)
  })
  await Promise.race([Promise.allSettled(promises), deadline])
  clearTimeout(timer)
}
