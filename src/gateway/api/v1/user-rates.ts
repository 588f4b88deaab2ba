import { TokenBucket } from '../../token-bucket.ts'

/** Users in a generation: of two, the older is forgotten. Who is forgotten begins anew, with a full bucket. */
const MAX_USERS = 10_000

/** How often each user may ask. Bounded, whoever asks. */
export class UserRates {
  readonly #perSecond: number
  #now = new Map<string, TokenBucket>()
  #before = new Map<string, TokenBucket>()

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** False where that is one too many. */
  take(userId: string): boolean {
    let bucket = this.#now.get(userId)
    if (bucket === undefined) {
      bucket = this.#before.get(userId) ?? new TokenBucket(this.#perSecond)
      if (this.#now.size >= MAX_USERS) {
        this.#before = this.#now
        this.#now = new Map()
      }
      this.#now.set(userId, bucket)
    }
    return bucket.take()
  }
}
