import { TidingsError } from '../core/errors.ts'
import type { EventLog } from '../core/event-log.ts'
import type { StoredPolicies } from '../core/policy.ts'
import { PolicyTable } from '../core/policy-match.ts'
import type { PubSub } from '../core/pub-sub.ts'

const EVERY_MS = 1_000
const NONE: StoredPolicies = { version: 0, policies: {} }

export interface PolicyFollowerOptions {
  readonly pubSub: PubSub
  readonly eventLog: EventLog
  /** Takes, once, that the policies may not be read: then there are none for this process. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Milliseconds between two readings. Default 1,000. */
  readonly everyMs?: number | undefined
}

/**
 * The policies as they are now: read before their first use, then about every second and after each break. A reading
 * that fails later changes nothing.
 */
export class PolicyFollower {
  readonly #options: PolicyFollowerOptions
  readonly #listeners = new Set<(table: PolicyTable) => void>()
  readonly #endStatus: () => void
  #current: PolicyTable | undefined
  #text = ''
  #reading: Promise<PolicyTable> | undefined
  #timer: NodeJS.Timeout | undefined
  #warned = false
  #closed = false

  constructor(options: PolicyFollowerOptions) {
    this.#options = options
    this.#endStatus = options.pubSub.onStatus(({ kind }) => {
      if (this.#current !== undefined && (kind === 'connected' || kind === 'interruption')) void this.#refresh()
    })
  }

  /** Undefined before the first reading. */
  get current(): PolicyTable | undefined {
    return this.#current
  }

  /** Reads now. Calls made meanwhile share one reading. */
  read(): Promise<PolicyTable> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
      this.#schedule()
    })
    return this.#reading
  }

  /** Called with the new policies whenever they have changed after the first reading. */
  onChange(listener: (table: PolicyTable) => void): void {
    this.#listeners.add(listener)
  }

  close(): void {
    this.#closed = true
    this.#endStatus()
    this.#listeners.clear()
    clearTimeout(this.#timer)
  }

  async #read(): Promise<PolicyTable> {
    const stored = await this.#options.eventLog.policies().catch((error: unknown) => {
      if (!(error instanceof TidingsError && error.code === 'NO_PERMISSION')) throw error
      if (!this.#warned) this.#options.onError?.(notPermitted(error))
      this.#warned = true
      return NONE
    })
    // The version alone does not tell: after a FLUSHALL it begins anew.
    const text = JSON.stringify(stored)
    if (this.#current !== undefined && text === this.#text) return this.#current
    const first = this.#current === undefined
    const table = new PolicyTable(stored)
    this.#current = table
    this.#text = text
    if (!first) for (const listener of this.#listeners) listener(table)
    return table
  }

  async #refresh(): Promise<void> {
    await this.read().catch(() => {})
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    if (this.#closed || this.#current === undefined) return
    const ms = (this.#options.everyMs ?? EVERY_MS) * (0.8 + 0.4 * Math.random())
    this.#timer = setTimeout(() => void this.#refresh(), ms)
    this.#timer.unref()
  }
}

function notPermitted(cause: TidingsError): TidingsError {
  return new TidingsError('NO_PERMISSION', 'Redis does not let this user read the policies of channels.', {
    cause,
    hint: 'To this program every channel is live only. Allow +hmget on the keys of the namespace.',
  })
}
