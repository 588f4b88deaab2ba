import { TidingsError } from '../core/errors.ts'
import type { InboxLimits, InboxStore } from '../core/inbox-store.ts'

const DEFAULTS: InboxLimits = { maxCount: 100, maxBroadcasts: 1_000 }
/** Milliseconds after which what the store holds is asked for again, by whoever needs it next. */
const FRESH_MS = 1_000

/**
 * How much is kept, for all programs alike: what one of them has declared holds for the others. Read before its first
 * use, and again at most once a second, beside the calls that need it; where that fails, what was known goes on.
 */
export class KeptLimits {
  readonly #store: InboxStore
  readonly #declared: Partial<InboxLimits>
  #current: InboxLimits = DEFAULTS
  #reading: Promise<void> | undefined
  #readAtMs = Number.NEGATIVE_INFINITY
  #isReady = false

  /** @param declared what this program asks for; it follows the others in what it does not say */
  constructor(store: InboxStore, declared: Partial<InboxLimits>) {
    this.#store = store
    this.#declared = declared
  }

  /** @throws TidingsError `LIMITS_MISMATCH` where another program has declared something else */
  async ready(): Promise<void> {
    if (this.#isReady) return
    await this.#read()
    const differences = (['maxCount', 'maxBroadcasts'] as const).flatMap((name) => {
      const [here, there] = [this.#declared[name], this.#current[name]]
      return here === undefined || here === there ? [] : [`${name} is ${here} here and ${there} in Redis.`]
    })
    if (differences.length > 0) {
      throw new TidingsError(
        'LIMITS_MISMATCH',
        `Other programs keep as much as they have declared: ${differences.join(' ')}`,
        {
          hint: 'Declare that, or change it for all with setLimits() of a service that declares neither.',
          context: { differences },
        },
      )
    }
    this.#isReady = true
  }

  get current(): InboxLimits {
    if (performance.now() - this.#readAtMs > FRESH_MS) this.#read().catch(() => {})
    return this.#current
  }

  /** For all programs, whatever was declared. */
  async replace(limits: Partial<InboxLimits>): Promise<void> {
    this.#current = { ...DEFAULTS, ...(await this.#store.limits(limits, true)) }
  }

  #read(): Promise<void> {
    this.#readAtMs = performance.now()
    this.#reading ??= this.#store
      .limits(this.#declared)
      .then((limits) => {
        this.#current = { ...DEFAULTS, ...limits }
      })
      .finally(() => {
        this.#reading = undefined
      })
    return this.#reading
  }
}
