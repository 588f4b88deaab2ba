import { toByteString } from '../core/byte-string.ts'
import { assertPattern, MAX_NAME_BYTES } from '../core/channel-name.ts'
import { TidingsError } from '../core/errors.ts'
import { DEFAULT_NAMESPACE, replyPrefix } from '../core/keys.ts'
import { PatternIndex } from '../core/pattern-index.ts'

/**
 * How a channel's name becomes the value of the label `channel`.
 *
 * - Globs, such as `['user:*', 'order:*']`: the first one that matches is the label. A glob without wildcards
 *   names one channel.
 * - A function: what it returns is the label; `undefined` leaves the choice to the default.
 *
 * Where neither decides, the label is the channel's own name.
 */
export type ChannelLabelRule = readonly string[] | ((channel: string) => string | undefined)

/** The label of everything that has no label of its own. */
export const OTHER = 'other'

/** Every bus has a reply channel with a random name: as labels they would never end. */
const REPLIES = replyPrefix(DEFAULT_NAMESPACE)
const REPLIES_LABEL = `${REPLIES}*`

/** Gives each channel its label, by rule. How many different labels there may be is for others to limit. */
export class ChannelLabels {
  /** The labels that the globs give: known in advance, and therefore never `other`. */
  readonly named: ReadonlySet<string>
  readonly #rule: (channel: string) => string | undefined

  /** @throws TidingsError `INVALID_OPTION`, `INVALID_PATTERN` */
  constructor(rule: ChannelLabelRule = []) {
    if (typeof rule === 'function') {
      this.named = new Set()
      this.#rule = rule
      return
    }
    if (!Array.isArray(rule)) {
      throw new TidingsError('INVALID_OPTION', 'channelLabel must be an array of globs or a function.')
    }
    const globs = new PatternIndex<string>()
    for (const glob of rule) {
      assertPattern(glob)
      globs.add(glob, glob)
    }
    this.named = new Set<string>(rule)
    this.#rule = (channel) => globs.match(toByteString(channel))[0]
  }

  /** Never throws: where a function of the user's throws, or gives what is no label, the label is `other`. */
  of(channel: string): string {
    let label: unknown
    try {
      label = this.#rule(channel)
    } catch {
      return OTHER
    }
    if (label === undefined) label = channel.startsWith(REPLIES) ? REPLIES_LABEL : channel
    // Programs other than ours may use names that no monitoring system wants to keep.
    return typeof label === 'string' && label !== '' && label.length <= MAX_NAME_BYTES ? label : OTHER
  }
}
