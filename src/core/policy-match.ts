import { toByteString } from './byte-string.ts'
import { assertChannel, assertPattern } from './channel-name.ts'
import { describeThrown } from './describe.ts'
import { TidingsError } from './errors.ts'
import { compileGlob, type Glob } from './glob.ts'
import type { LogId } from './log-id.ts'
import { PatternIndex } from './pattern-index.ts'
import type { Durability, Policies, Policy, Retention, StoredPolicies } from './policy.ts'

/** The policy of one channel, and the log that the channel writes to if the policy keeps history. */
export interface FoundPolicy {
  readonly policy: Policy
  readonly log: LogId
}

/** Channels whose policy is remembered. */
const MAX_REMEMBERED = 10_000

interface Rule {
  readonly glob: Glob
  readonly policy: Policy
  /** 0 is the most specific. */
  readonly rank: number
}

/**
 * Policies made ready for questions. Of those that match a channel the one with the longest literal prefix holds,
 * alone; on a tie the one without a wildcard, then the longer one, then the alphabetically first.
 *
 * Questions about patterns are answered by the literal ends of both, on the safe side: `may` for what is not sure.
 */
export class PolicyTable {
  readonly version: number
  readonly #rules: readonly Rule[]
  readonly #index = new PatternIndex<Rule>()
  readonly #found = new Map<string, FoundPolicy | undefined>()

  constructor({ version, policies }: StoredPolicies) {
    this.version = version
    this.#rules = Object.entries(policies)
      .map(([pattern, policy]) => ({ glob: compileGlob(pattern), policy }))
      .sort((one, other) => compare(one.glob, other.glob))
      .map((rule, rank) => ({ ...rule, rank }))
    for (const rule of this.#rules) this.#index.add(rule.glob.source, rule)
  }

  find(channel: string): FoundPolicy | undefined {
    if (this.#rules.length === 0) return undefined
    const known = this.#found.get(channel)
    if (known !== undefined || this.#found.has(channel)) return known
    const found = this.#search(channel)
    if (this.#found.size >= MAX_REMEMBERED) this.#found.clear()
    this.#found.set(channel, found)
    return found
  }

  #search(channel: string): FoundPolicy | undefined {
    let best: Rule | undefined
    for (const rule of this.#index.match(toByteString(channel))) {
      if (best === undefined || rule.rank < best.rank) best = rule
    }
    if (best === undefined) return undefined
    const { policy } = best
    const log: LogId =
      policy.log === undefined ? { kind: 'channel', name: channel } : { kind: 'shared', name: policy.log }
    return { policy, log }
  }

  /** False only where no channel that the pattern matches keeps history. */
  mayLog(pattern: string): boolean {
    const glob = compileGlob(pattern)
    return this.#rules.some(({ glob: other, policy }) => keeps(policy) && mayIntersect(glob, other))
  }

  /** True only where every channel that the pattern matches keeps history. */
  coversLogged(pattern: string): boolean {
    const glob = compileGlob(pattern)
    const cover = this.#rules.find((rule) => keeps(rule.policy) && covers(rule.glob, glob))
    if (cover === undefined) return false
    return !this.#rules.some(
      ({ glob: other, policy, rank }) => rank < cover.rank && !keeps(policy) && mayIntersect(glob, other),
    )
  }

  /** Names of the logs that channels which the pattern matches may share. */
  sharedLogs(pattern: string): string[] {
    const glob = compileGlob(pattern)
    const names = new Set<string>()
    for (const { glob: other, policy } of this.#rules) {
      if (keeps(policy) && policy.log !== undefined && mayIntersect(glob, other)) names.add(policy.log)
    }
    return [...names]
  }
}

function keeps({ history }: Policy): boolean {
  return history !== undefined && history !== false
}

function compare(one: Glob, other: Glob): number {
  return (
    other.prefix.length - one.prefix.length ||
    Number(isLiteral(other)) - Number(isLiteral(one)) ||
    other.source.length - one.source.length ||
    (one.source < other.source ? -1 : 1)
  )
}

/** Whatever has a wildcard and no single star has a byte that is matched behind the prefix. */
function isLiteral({ simple, minLength, prefix }: Glob): boolean {
  return !simple && minLength === prefix.length
}

function mayIntersect(one: Glob, other: Glob): boolean {
  if (isLiteral(one)) return other.matches(one.prefix)
  if (isLiteral(other)) return one.matches(other.prefix)
  const starts = one.prefix.startsWith(other.prefix) || other.prefix.startsWith(one.prefix)
  return starts && (one.suffix.endsWith(other.suffix) || other.suffix.endsWith(one.suffix))
}

function covers(broad: Glob, narrow: Glob): boolean {
  if (isLiteral(narrow)) return broad.matches(narrow.prefix)
  if (broad.source === narrow.source) return true
  return broad.simple && broad.suffix === '' && narrow.prefix.startsWith(broad.prefix)
}

/**
 * Takes policies that somebody wrote and checks them.
 * @throws TidingsError `UNKNOWN_OPTION`, `INVALID_OPTION`; the message names the pattern and the field
 */
export function readPolicies(value: unknown): Policies {
  const policies: [pattern: string, policy: Policy][] = []
  for (const [pattern, policy] of Object.entries(asObject('Policies', value))) {
    named(`The pattern ${JSON.stringify(pattern)} of a policy`, () => assertPattern(pattern))
    policies.push([pattern, readPolicy(`The policy of ${JSON.stringify(pattern)}`, policy)])
  }
  return Object.fromEntries(policies)
}

function readPolicy(who: string, value: unknown): Policy {
  const fields = readFields(who, value, ['history', 'maxBytes', 'log', 'durability'])
  const { maxBytes, log } = fields
  const history = fields.history === false ? false : readHistory(`${who}: "history"`, fields.history)
  if (log !== undefined) {
    named(`${who}: "log"`, () => assertChannel(log))
    if (!history) throw new TidingsError('INVALID_OPTION', `${who}: "log" needs "history".`)
  }
  if (maxBytes !== undefined) whole(`${who}: "maxBytes"`, maxBytes)
  const durability = readDurability(`${who}: "durability"`, fields.durability)
  return { ...defined({ history, maxBytes: maxBytes as number, log: log as string, durability }) }
}

function readHistory(who: string, value: unknown): Retention | undefined {
  if (value === undefined) return undefined
  const { maxCount, maxAgeMs } = readFields(who, value, ['maxCount', 'maxAgeMs'])
  if (maxCount === undefined && maxAgeMs === undefined) {
    throw new TidingsError('INVALID_OPTION', `${who} needs "maxCount" or "maxAgeMs": a log must end somewhere.`)
  }
  if (maxCount !== undefined) whole(`${who}: "maxCount"`, maxCount)
  if (maxAgeMs !== undefined) whole(`${who}: "maxAgeMs"`, maxAgeMs)
  return defined({ maxCount: maxCount as number, maxAgeMs: maxAgeMs as number })
}

function readDurability(who: string, value: unknown): Durability | undefined {
  if (value === undefined) return undefined
  const { replicas, timeoutMs } = readFields(who, value, ['replicas', 'timeoutMs'])
  return { replicas: whole(`${who}: "replicas"`, replicas), timeoutMs: whole(`${who}: "timeoutMs"`, timeoutMs) }
}

function readFields<Name extends string>(who: string, value: unknown, names: readonly Name[]): Record<Name, unknown> {
  const fields = asObject(who, value)
  const unknown = Object.keys(fields).find((field) => !(names as readonly string[]).includes(field))
  if (unknown === undefined) return fields as Record<Name, unknown>
  throw new TidingsError('UNKNOWN_OPTION', `${who} has no field "${unknown}".`, {
    hint: `It knows ${names.join(', ')}.`,
  })
}

function asObject(who: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new TidingsError('INVALID_OPTION', `${who} must be an object.`)
}

function whole(who: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number
  throw new TidingsError('INVALID_OPTION', `${who} must be a whole number of at least 1.`)
}

function named(who: string, check: () => void): void {
  try {
    check()
  } catch (cause) {
    throw new TidingsError('INVALID_OPTION', `${who} cannot be used: ${describeThrown(cause)}`, { cause })
  }
}

function defined<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T
}
