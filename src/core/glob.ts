import { toByteString } from './byte-string.ts'

/** A compiled pattern. It speaks of byte strings (see `toByteString`), as Redis matches bytes. */
export interface Glob {
  /** The pattern as it was written. */
  readonly source: string
  /** The literal bytes, unescaped, before the first wildcard: all of them where there is none. */
  readonly prefix: string
  /** The literal bytes, unescaped, after the last wildcard: none where there is none. */
  readonly suffix: string
  /** Nothing shorter matches. */
  readonly minLength: number
  /** The pattern is `prefix*suffix`: what has both and is at least `minLength` long matches. */
  readonly simple: boolean
  matches(bytes: string): boolean
}

/** A literal byte, {@link STAR}, or the table of the bytes that a class or `?` accepts. */
type Token = number | Uint8Array

const STAR = -1
const ANY: Uint8Array = new Uint8Array(256).fill(1)

/**
 * Compiles a pattern that means what it means to PSUBSCRIBE in Redis 7: `*`, `?`, `[abc]`, `[^a]`, `[a-z]`, and `\`
 * before a character that stands for itself. What surprises there is so here as well:
 *
 * - A class that is not closed ends with the pattern, `[^` alone accepts any byte, and `[a-]` is a range up to `]`.
 * - The ends of a range may come in either order, and compare as signed bytes, so that 0x80 to 0xFF come before 0.
 *   (A Redis built where `char` is unsigned, as on ARM Linux, differs in ranges that reach beyond ASCII.)
 * - A backslash at the end stands for itself.
 * - `?` and a class take one byte, not one character: `?` does not match `é`, `??` does.
 * - The empty string is matched by the empty pattern alone, not even by `*`.
 *
 * Matching goes back to the last `*` only, so it takes at most (length of the pattern × length of the name) steps.
 */
export function compileGlob(pattern: string): Glob {
  const tokens = parse(toByteString(pattern))
  const isLiteral = (token: Token) => typeof token === 'number' && token !== STAR
  const wild = tokens.findIndex((token) => !isLiteral(token))
  const lastWild = tokens.findLastIndex((token) => !isLiteral(token))
  const prefix = literal(wild < 0 ? tokens : tokens.slice(0, wild))
  const suffix = literal(wild < 0 ? [] : tokens.slice(lastWild + 1))
  const simple = wild >= 0 && wild === lastWild && tokens[wild] === STAR
  const minLength = pattern === '' ? 0 : Math.max(1, tokens.filter((token) => token !== STAR).length)
  const matchesLongEnough =
    wild < 0
      ? (bytes: string) => bytes === prefix
      : simple
        ? (bytes: string) => bytes.startsWith(prefix) && bytes.endsWith(suffix)
        : (bytes: string) => matchTokens(tokens, bytes)
  const matches = (bytes: string) => bytes.length >= minLength && matchesLongEnough(bytes)
  return { source: pattern, prefix, suffix, minLength, simple, matches }
}

/** A pattern that matches the given text and nothing else; part of a larger pattern, too. */
export function escapeGlob(text: string): string {
  return text.replace(/[*?[\\]/g, '\\$&')
}

function literal(tokens: readonly Token[]): string {
  return String.fromCharCode(...(tokens as number[]))
}

function parse(pattern: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < pattern.length; at += 1) {
    const byte = pattern[at]
    if (byte === '*') {
      if (tokens.at(-1) !== STAR) tokens.push(STAR)
    } else if (byte === '?') {
      tokens.push(ANY)
    } else if (byte === '[') {
      const { accepts, end } = parseClass(pattern, at + 1)
      tokens.push(accepts)
      at = end
    } else {
      if (byte === '\\' && at + 1 < pattern.length) at += 1
      tokens.push(pattern.charCodeAt(at))
    }
  }
  return tokens
}

/** Reads a class from behind its `[`; `end` is where its `]` is or would be. */
function parseClass(pattern: string, start: number): { accepts: Uint8Array; end: number } {
  const accepts = new Uint8Array(256)
  const negated = pattern[start] === '^'
  let at = negated ? start + 1 : start
  for (; at < pattern.length && pattern[at] !== ']'; at += 1) {
    if (pattern[at] === '\\' && at + 1 < pattern.length) {
      at += 1
      accepts[pattern.charCodeAt(at)] = 1
    } else if (pattern[at + 1] === '-' && at + 2 < pattern.length) {
      addRange(accepts, pattern.charCodeAt(at), pattern.charCodeAt(at + 2))
      at += 2
    } else {
      accepts[pattern.charCodeAt(at)] = 1
    }
  }
  return { accepts: negated ? accepts.map((accepted) => 1 - accepted) : accepts, end: at }
}

function addRange(accepts: Uint8Array, oneEnd: number, otherEnd: number): void {
  const ends = [signed(oneEnd), signed(otherEnd)] as const
  for (let value = Math.min(...ends); value <= Math.max(...ends); value += 1) accepts[value & 0xff] = 1
}

function signed(byte: number): number {
  return (byte << 24) >> 24
}

function matchTokens(tokens: readonly Token[], bytes: string): boolean {
  let token = 0
  let at = 0
  let afterStar = -1
  let tried = 0
  while (at < bytes.length) {
    const expected = tokens[token]
    if (expected === STAR) {
      token += 1
      if (token === tokens.length) return true
      afterStar = token
      tried = at
    } else if (expected !== undefined && accepts(expected, bytes.charCodeAt(at))) {
      token += 1
      at += 1
    } else if (afterStar >= 0) {
      // Let the last star take one byte more. Earlier ones need not: the later bytes are all that is left to it.
      token = afterStar
      tried += 1
      at = tried
    } else {
      return false
    }
  }
  return token === tokens.length || (token === tokens.length - 1 && tokens[token] === STAR)
}

function accepts(token: Token, byte: number): boolean {
  return typeof token === 'number' ? token === byte : token[byte] === 1
}
