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
  /** Takes, once, that the policies may not be read: then there are none for this process. And each loss of them. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Milliseconds between two readings. Default 1,000. */
  readonly everyMs?: number | undefined
}

/**
 * The policies as they are now: read before their first use, then about every second and after each break. A reading
 * that fails later changes nothing.
 *
 * Where Redis has lost them with all its data (FLUSHALL, a restart without persistence), who knew them sets them again:
 * else every channel would be live only from then on, and nobody would be told.
 */
export class PolicyFollower {
  readonly #options: PolicyFollowerOptions
  readonly #listeners = new Set<(table: PolicyTable) => void>()
  readonly #endStatus: () => void
  #current: PolicyTable | undefined
  #stored: StoredPolicies = NONE
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
    let stored = await this.#ask()
    if (stored.version === 0 && this.#stored.version > 0) stored = await this.#restore()
    // The version alone does not tell: after a FLUSHALL it begins anew.
    if (this.#current !== undefined && JSON.stringify(stored) === JSON.stringify(this.#stored)) return this.#current
    const first = this.#current === undefined
    const table = new PolicyTable(stored)
    this.#current = table
    this.#stored = stored
    if (!first) for (const listener of this.#listeners) listener(table)
    return table
  }

  #ask(): Promise<StoredPolicies> {
    return this.#options.eventLog.policies().catch((error: unknown) => {
      if (!isNotPermitted(error)) throw error
      if (!this.#warned) this.#options.onError?.(notPermitted(error))
      this.#warned = true
      return this.#stored
    })
  }

  /** One of the processes that knew them does it; who may not do it goes by what it knows until another has. */
  async #restore(): Promise<StoredPolicies> {
    const { eventLog, onError } = this.#options
    const { policies } = this.#stored
    let version: number | undefined
    try {
      version = await eventLog.replacePolicies(0, policies)
    } catch (error) {
      if (isNotPermitted(error)) return this.#stored
      throw error
    }
    if (version === undefined) return eventLog.policies()
    onError?.(restored(Object.keys(policies).length))
    return { version, policies }
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

function isNotPermitted(error: unknown): error is TidingsError {
  return error instanceof TidingsError && error.code === 'NO_PERMISSION'
}

function restored(count: number): TidingsError {
  return new TidingsError(
    'POLICIES_RESTORED',
    'Redis had lost its data, and with it the policies; they are set again.',
    {
      hint: 'What its logs had is gone. If Redis is not meant to forget, turn on its persistence.',
      context: { policies: count },
    },
  )
}

function notPermitted(cause: TidingsError): TidingsError {
  return new TidingsError('NO_PERMISSION', 'Redis does not let this user read the policies of channels.', {
    cause,
    hint: 'To this program every channel is live only. Allow +hmget on the keys of the namespace.',
  })
}
