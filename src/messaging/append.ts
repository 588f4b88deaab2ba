import { TidingsError } from '../core/errors.ts'
import type { Appended } from '../core/event-log.ts'
import type { Durability } from '../core/policy.ts'
import type { AppendOptions as LogAppendOptions } from '../log/logged-pub-sub.ts'
import { formatPosition } from '../protocol/position.ts'

/** How long a `dedupeKey` is remembered, unless `dedupeWindowMs` says otherwise: two minutes. */
const DEFAULT_DEDUPE_WINDOW_MS = 120_000

export interface AppendOptions {
  /** A message with the same key on the same log, within the window, is not appended again. */
  readonly dedupeKey?: string | undefined
  /** Milliseconds for which the key is remembered, by the clock of Redis. Default 120,000. */
  readonly dedupeWindowMs?: number | undefined
  /** How many replicas shall have confirmed, and how long to wait for them. Default: the policy's. */
  readonly durability?: Durability | undefined
}

/** What an append came to. */
export interface Receipt {
  /** Where the message is in its log: `<seq>-<gen>@<epoch>`. Text to store, to compare for equality, and to resume from. */
  readonly position: string
  /** Subscribers that got it live, as far as Redis can count; no acknowledgment. */
  readonly receivers: number
  /** It was there already: `position` is that of the first time, and nothing was published. */
  readonly duplicate: boolean
  /** With `durability`: replicas that confirmed in time. Fewer than asked is no failure: the message is out. */
  readonly reached?: number
}

/** @throws TidingsError `UNKNOWN_OPTION`, `INVALID_OPTION` */
export function readAppendOptions(options: AppendOptions): LogAppendOptions {
  const { dedupeKey, dedupeWindowMs = DEFAULT_DEDUPE_WINDOW_MS, durability, ...rest } = options
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined) {
    throw new TidingsError('UNKNOWN_OPTION', `append has no option "${unknown}".`, {
      hint: 'It takes dedupeKey, dedupeWindowMs and durability.',
    })
  }
  if (dedupeKey !== undefined && !isKey(dedupeKey)) {
    throw new TidingsError(
      'INVALID_OPTION',
      'The option "dedupeKey" must be a well-formed string of 1 to 1,024 characters.',
    )
  }
  whole('dedupeWindowMs', dedupeWindowMs)
  if (durability !== undefined) {
    whole('durability.replicas', durability.replicas)
    whole('durability.timeoutMs', durability.timeoutMs)
  }
  return {
    ...(dedupeKey === undefined ? {} : { dedupe: { key: dedupeKey, windowMs: dedupeWindowMs } }),
    ...(durability === undefined ? {} : { durability }),
  }
}

/** Halves of characters would all become the same one on their way. */
function isKey(key: unknown): boolean {
  return typeof key === 'string' && key !== '' && key.length <= 1_024 && key.isWellFormed()
}

export function receiptOf({ position, receivers, duplicate, reached }: Appended): Receipt {
  const receipt = { position: formatPosition(position), receivers, duplicate }
  return reached === undefined ? receipt : { ...receipt, reached }
}

function whole(name: string, value: unknown): void {
  if (Number.isSafeInteger(value) && (value as number) >= 1) return
  throw new TidingsError('INVALID_OPTION', `The option "${name}" must be a whole number of at least 1.`)
}
