import { toByteString } from '../../core/byte-string.ts'
import { assertPattern } from '../../core/channel-name.ts'
import { TidingsError } from '../../core/errors.ts'
import { compileGlob, escapeGlob, type Glob } from '../../core/glob.ts'
import { encodeUserId } from '../../core/user-id.ts'
import type { GatewayUser } from '../contract.ts'

const PLACEHOLDER = /\{(sub|claim\.[^{}]+)\}/g
/** Values of a list in a token that are tried. */
const MAX_VALUES = 1_000

/** What a placeholder stands for, for a user. */
type Values = (user: GatewayUser) => readonly string[]

/**
 * A pattern over channels in which `{sub}` stands for the user's id and `{claim.x}` for what the token says of x, or
 * for each of several. Values are encoded as user ids are, so that none has a colon or a wildcard; and a placeholder
 * ends at a colon or at the end of the name. So no user's pattern matches a channel of another's.
 */
export class RulePattern {
  /** As it was written. */
  readonly source: string
  /** The pattern with `*` for each placeholder: what it could match for anybody. */
  readonly glob: Glob
  /** It has a placeholder. */
  readonly personal: boolean
  readonly #texts: readonly string[]
  readonly #values: readonly Values[]

  /** @throws TidingsError `INVALID_OPTION`, `INVALID_PATTERN` */
  constructor(source: string) {
    assertPattern(source)
    this.source = source
    const parts = source.split(PLACEHOLDER)
    this.#texts = parts.filter((_, index) => index % 2 === 0)
    this.#values = parts.filter((_, index) => index % 2 === 1).map(valuesOf)
    this.personal = this.#values.length > 0
    checkTexts(source, this.#texts)
    this.glob = compileGlob(this.#texts.join('*'))
  }

  /** Whether anybody's could match. */
  covers(channel: string): boolean {
    return this.glob.matches(toByteString(channel))
  }

  /** Whether this user's does. */
  matches(channel: string, user: GatewayUser): boolean {
    if (!this.personal) return this.covers(channel)
    const bytes = toByteString(channel)
    const tryFrom = (at: number, pattern: string): boolean => {
      if (at === this.#values.length) return compileGlob(pattern).matches(bytes)
      return this.#values[at]!(user).some((value) => tryFrom(at + 1, pattern + value + this.#texts[at + 1]!))
    }
    return tryFrom(0, this.#texts[0]!)
  }
}

/** Those that are more specific first: a longer literal prefix, then no wildcard, then longer, then personal. */
export function compareSpecific(one: RulePattern, other: RulePattern): number {
  return (
    other.glob.prefix.length - one.glob.prefix.length ||
    Number(isLiteral(other)) - Number(isLiteral(one)) ||
    other.glob.source.length - one.glob.source.length ||
    Number(other.personal) - Number(one.personal) ||
    (one.source < other.source ? -1 : 1)
  )
}

function isLiteral({ glob }: RulePattern): boolean {
  return !glob.simple && glob.minLength === glob.prefix.length
}

function checkTexts(source: string, texts: readonly string[]): void {
  const refuse = (why: string): never => {
    throw new TidingsError('INVALID_OPTION', `The pattern ${JSON.stringify(source)} ${why}.`)
  }
  if (texts.some((text) => /[{}]/.test(text))) refuse('has braces that are neither {sub} nor {claim.<name>}')
  if (texts.length === 1) return
  if (texts.some((text) => /[[\]\\]/.test(text))) refuse('has a placeholder, and so may have no "[", "]" and "\\"')
  for (const [index, text] of texts.entries()) {
    if (index > 0 && text !== '' && !text.startsWith(':')) refuse('has a placeholder that does not end at a colon')
    // With a wildcard or another value right before it, what stands for one user could end as another's.
    const isOpen = index > 0 || /[*?]/.test(text)
    if (index < texts.length - 1 && isOpen && !text.endsWith(':')) {
      refuse('has a placeholder that does not begin at a colon')
    }
  }
}

function valuesOf(placeholder: string): Values {
  if (placeholder === 'sub') return ({ userId }) => escaped([userId])
  const name = placeholder.slice('claim.'.length)
  return ({ claims }) => (Object.hasOwn(claims, name) ? escaped([claims[name]].flat().slice(0, MAX_VALUES)) : [])
}

function escaped(values: readonly unknown[]): string[] {
  return values
    .filter((value) => typeof value === 'string' || Number.isSafeInteger(value))
    .map(String)
    .filter((value) => value !== '' && value.isWellFormed())
    .map((value) => escapeGlob(encodeUserId(value)))
}
