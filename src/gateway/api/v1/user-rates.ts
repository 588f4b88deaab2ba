import { FULL, take } from '../../token-bucket.ts'

/** Users in a generation: of two, the older is forgotten. Who is forgotten begins anew, with a full bucket. */
const MAX_USERS = 10_000

/** How often each user may ask. Bounded, whoever asks. */
export class UserRates {
  readonly #perSecond: number
  #now = new Map<string, number>()
  #before = new Map<string, number>()

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** False where that is one too many. */
  take(userId: string): boolean {
    const bucket = take(this.#now.get(userId) ?? this.#before.get(userId) ?? FULL, this.#perSecond)
    if (bucket === undefined) return false
    if (!this.#now.has(userId) && this.#now.size >= MAX_USERS) {
      this.#before = this.#now
      this.#now = new Map()
    }
    this.#now.set(userId, bucket)
    return true
  }
}
