import type { Place } from '../../src/core/inbox.ts'
import type { BroadcastPlace } from '../../src/core/inbox-store.ts'

/** A broadcast log as those who serve it know it, with what can happen to one. */
export class NewsLog {
  #epoch = ''
  #began = 0
  #gen = 1
  #seq = 0
  #places: Place[] = []
  #everKnown: Place[] = [{ seq: 0, gen: 0 }]

  /** What is there. */
  get places(): readonly Place[] {
    return this.#places
  }

  /** Places of this log that readers may still hold, lost ones too. */
  get everKnown(): readonly Place[] {
    return this.#everKnown
  }

  get at(): BroadcastPlace {
    const { seq, gen } = this.#places.at(-1) ?? { seq: 0, gen: 0 }
    return { epoch: this.#epoch, seq, gen, firstSeq: this.#places[0]?.seq ?? 1 }
  }

  append(): void {
    if (this.#epoch === '') this.begin()
    this.#seq += 1
    const place = { seq: this.#seq, gen: this.#gen }
    this.#places.push(place)
    this.#everKnown.push(place)
  }

  /** The oldest go. */
  trim(count: number): void {
    this.#places = this.#places.slice(Math.min(count, this.#places.length - 1))
  }

  /** A failover loses the newest; what comes then has a generation of its own. */
  lose(count: number): void {
    if (this.#places.length <= count) return
    this.#places = this.#places.slice(0, this.#places.length - count)
    this.#seq = this.#places.at(-1)!.seq
    this.#gen += 1
  }

  /** The log is gone, and another one begins. */
  begin(): void {
    this.#began += 1
    this.#epoch = `news${this.#began}`
    this.#seq = 1
    this.#gen = 1
    this.#places = [{ seq: 1, gen: 1 }]
    this.#everKnown = [{ seq: 1, gen: 1 }]
  }
}
