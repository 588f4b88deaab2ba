/**
 * Takes results in the order in which their work was begun, though some of it is asynchronous: a result waits
 * for all that was begun before it. Work itself runs side by side, and where nothing is asynchronous nothing
 * waits.
 */
export class Ordered {
  #waiting = 0
  #tail: Promise<unknown> = Promise.resolve()

  /**
   * Calls `next` with the result of `work` when its turn has come: now, if nothing is waited for. What `next`
   * returns is given back; a promise that it returns does not hold up those behind.
   * `work` must not reject. Work that never ends holds up everything behind it.
   */
  run<T, R>(work: T | Promise<T>, next: (result: T) => R): R | Promise<Awaited<R>> {
    if (this.#waiting === 0 && !(work instanceof Promise)) return next(work)
    this.#waiting += 1
    const taken = Promise.all([work, this.#tail]).then(([result]) => {
      this.#waiting -= 1
      // Wrapped, so that the turn ends now and not when a returned promise settles.
      return { returned: next(result) }
    })
    this.#tail = taken.catch(() => {})
    return taken.then(({ returned }) => returned) as Promise<Awaited<R>>
  }

  /** Settles when everything that has been begun so far was taken. */
  async idle(): Promise<void> {
    await this.#tail
  }
}
