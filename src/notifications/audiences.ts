import type { Broadcast } from './broadcast.ts'

/** Whether a broadcast with an audience is for a user. */
export type AudienceTest = (userId: string, audience: unknown) => boolean | Promise<boolean>

export interface AudiencesOptions {
  readonly isAudience: AudienceTest
  /** Milliseconds for which an answer is kept. */
  readonly cacheMs: number
  /** Takes what the test threw. */
  readonly onError: (cause: unknown) => void
}

/** Questions on their way at once for one call. */
const CONCURRENCY = 32
/** Answers that are kept, of all users together. */
const MAX_ANSWERS = 100_000

interface Answer {
  readonly answer: Promise<boolean> | boolean
  readonly untilMs: number
}

/**
 * Asks the program for whom broadcasts are: once for each audience of all that a call is about, some at a time. An
 * answer that took its time (a promise) is kept for a while, for that user and that audience, and asked for once
 * however many calls wait for it; one that was there at once is not kept. What throws means no, and is asked again.
 */
export class Audiences {
  readonly #options: AudiencesOptions
  /** Whoever was asked about least recently comes first. */
  readonly #users = new Map<string, Map<string, Answer>>()
  #size = 0

  constructor(options: AudiencesOptions) {
    this.#options = options
  }

  /** Of these broadcasts, those that are for a user, in the same order. */
  async of(userId: string, broadcasts: readonly Broadcast[]): Promise<readonly Broadcast[]> {
    const open = new Map<string, Broadcast>()
    for (const broadcast of broadcasts) if (broadcast.audience !== undefined) open.set(broadcast.audience, broadcast)
    if (open.size === 0) return broadcasts
    const answers = new Map<string, boolean>()
    const left = open.entries()
    const work = async () => {
      for (const [audience, { body }] of left) {
        const answer = this.#answer(userId, audience, body.audience)
        answers.set(audience, typeof answer === 'boolean' ? answer : await answer)
      }
    }
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, open.size) }, work))
    return broadcasts.filter(({ audience }) => audience === undefined || answers.get(audience)!)
  }

  #answer(userId: string, key: string, audience: unknown): Promise<boolean> | boolean {
    const nowMs = performance.now()
    const kept = this.#users.get(userId)?.get(key)
    if (kept !== undefined && kept.untilMs > nowMs) return kept.answer
    const asked = this.#ask(userId, audience)
    if (typeof asked === 'boolean') return asked
    const untilMs = nowMs + this.#options.cacheMs
    const answer = asked.then(
      (isFor) => {
        this.#keep(userId, key, { answer: isFor === true, untilMs })
        return isFor === true
      },
      (cause: unknown) => {
        this.#options.onError(cause)
        // It is over at once.
        this.#keep(userId, key, { answer: false, untilMs: nowMs })
        return false
      },
    )
    this.#keep(userId, key, { answer, untilMs })
    return answer
  }

  #ask(userId: string, audience: unknown): Promise<unknown> | boolean {
    try {
      const said: unknown = this.#options.isAudience(userId, audience)
      return typeof said === 'object' && said !== null && 'then' in said ? Promise.resolve(said) : said === true
    } catch (cause) {
      this.#options.onError(cause)
      return false
    }
  }

  #keep(userId: string, key: string, answer: Answer): void {
    const answers = this.#users.get(userId) ?? new Map<string, Answer>()
    this.#users.delete(userId)
    this.#users.set(userId, answers)
    if (!answers.has(key)) this.#size += 1
    answers.set(key, answer)
    for (const [oldest, { size }] of this.#users) {
      if (this.#size <= MAX_ANSWERS) return
      this.#users.delete(oldest)
      this.#size -= size
    }
  }
}
