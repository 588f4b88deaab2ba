import { TidingsError } from '../../core/errors.ts'
import { InboxCalls } from './inbox-calls.ts'
import type { Link } from './link.ts'
import type { QueueLimits } from './queue-limits.ts'
import type { Script } from './script.ts'

const CLOSE_DEADLINE_MS = 3_000

export interface PresenceCallsOptions {
  /** Whoever made it closes it, after this. */
  readonly link: Link
  readonly commandTimeoutMs: number
  /** Of calls on their way. */
  readonly queue: QueueLimits
  readonly namespace: string
  readonly partitions: number
}

/** Scripts on their way; one whose answer was lost is run again, up to the command timeout. */
export class PresenceCalls {
  readonly #link: Link
  readonly #calls: InboxCalls
  readonly #script: Script

  constructor({ link, commandTimeoutMs, queue: limits }: PresenceCallsOptions, script: Script) {
    this.#link = link
    this.#calls = new InboxCalls({ link, commandTimeoutMs, limits })
    this.#script = script
  }

  /** For what may be run twice. */
  async run(keys: readonly string[], args: readonly string[]): Promise<unknown> {
    try {
      return await this.#calls.run(0, () => this.#script.run(this.#link, keys, args))
    } catch (error) {
      if (error instanceof TidingsError && error.code === 'CONNECTION_LOST') throw unknown(error)
      throw error
    }
  }

  /** Lets what was accepted be answered within `deadlineMs`. Idempotent, never rejects. */
  close(deadlineMs: number = CLOSE_DEADLINE_MS): Promise<void> {
    return this.#calls.close(deadlineMs)
  }
}

function unknown(error: TidingsError): TidingsError {
  return new TidingsError('CONNECTION_LOST', 'Redis did not say in time whether this has been done.', {
    cause: error.cause ?? error,
    hint: 'It may or may not be. It can be done again.',
  })
}
