import { describeThrown } from '../../core/describe.ts'
import { TidingsError } from '../../core/errors.ts'
import type { ChannelAction, ChannelRule, GatewayUser } from '../contract.ts'
import { compareSpecific, RulePattern } from './rule-pattern.ts'

/** Something that a token must say of its user. */
export interface ClaimTest {
  /** The claim's name. Alone: it is there and is not `false`, `null`, `0`, `''` or an empty list. */
  readonly claim: string
  /** It is exactly this. */
  readonly equals?: string | number | boolean | undefined
  /** It is a list that has this. */
  readonly includes?: string | number | undefined
}

/** Who may do something: nobody, everybody, who has a token, or whose token says so. */
export type Who = false | 'anyone' | 'authenticated' | ClaimTest

/** What clients may do on the channels of a pattern, and how these behave for them. Whatever is not given is denied. */
export interface ChannelAccess {
  /** `'token'`: only with a token for this one channel, which opens it in any case. Default: nobody. */
  readonly subscribe?: Who | 'token' | undefined
  /** Default: nobody. */
  readonly publish?: Who | undefined
  /** To ask for old publications. Default: nobody. */
  readonly history?: Who | undefined
  /** To ask who is there. Without it nobody is noted. Default: nobody. */
  readonly presence?: Who | undefined
  /** Subscribers are given what they missed while away, where the channel has history. Default true. */
  readonly recover?: boolean | undefined
  /** Subscribers are told who comes and goes. Default false. */
  readonly joinLeave?: boolean | undefined
  /** What happens to a client that does not keep up. Default `'close'`. */
  readonly slow?: ChannelRule['slow'] | undefined
}

/** By pattern over channels, in which `{sub}` and `{claim.<name>}` stand for the user's own. */
export type ChannelAccessTable = Readonly<Record<string, ChannelAccess>>

interface Rule {
  readonly pattern: RulePattern
  readonly access: ChannelAccess
  readonly rule: ChannelRule
}

/**
 * Of the rules that could match a channel for anybody the most specific one decides, for everybody and alone. So a
 * broad rule never opens a channel that a narrower one keeps for its user.
 */
export class ChannelRules {
  readonly #rules: readonly Rule[]

  /** @throws TidingsError `INVALID_OPTION` */
  constructor(table: ChannelAccessTable) {
    this.#rules = Object.entries(table)
      .map(([source, access]) => ({ pattern: open(source), access, rule: behaviour(access) }))
      .sort((one, other) => compareSpecific(one.pattern, other.pattern))
  }

  find(channel: string): ChannelRule | undefined {
    return this.#search(channel)?.rule
  }

  allows(action: ChannelAction, channel: string, user: GatewayUser): boolean {
    const found = this.#search(channel)
    return found !== undefined && isOne(found.access[action], user) && found.pattern.matches(channel, user)
  }

  #search(channel: string): Rule | undefined {
    return this.#rules.find(({ pattern }) => pattern.covers(channel))
  }
}

function open(source: string): RulePattern {
  try {
    return new RulePattern(source)
  } catch (cause) {
    throw new TidingsError('INVALID_OPTION', describeThrown(cause), { cause })
  }
}

function behaviour({
  recover = true,
  presence = false,
  joinLeave = false,
  slow = 'close',
}: ChannelAccess): ChannelRule {
  return { recover, presence: presence !== false, joinLeave, slow }
}

function isOne(who: Who | 'token' | undefined, { userId, claims }: GatewayUser): boolean {
  if (who === 'anyone') return true
  if (who === 'authenticated') return userId !== ''
  if (typeof who !== 'object' || who === null || !Object.hasOwn(claims, who.claim)) return false
  const value = claims[who.claim]
  if (who.equals !== undefined && value !== who.equals) return false
  if (who.includes !== undefined) return Array.isArray(value) && value.includes(who.includes)
  return who.equals !== undefined || (Array.isArray(value) ? value.length > 0 : Boolean(value))
}
