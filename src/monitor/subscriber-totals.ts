import { type ChannelLabels, OTHER } from './channel-labels.ts'
import type { MonitorSnapshot } from './monitor.ts'

/**
 * Adds up the subscribers of a whole Redis by label, with at most `maxChannels` labels that come from names.
 *
 * Where there are more, those that this process counts messages for come first, then those that the last reading
 * showed, so that a curve does not come and go while its channel lives; the rest is `other`. A label without
 * subscribers is gone with the next reading, except those that globs name: these show 0.
 */
export class SubscriberTotals {
  readonly #labels: ChannelLabels
  readonly #maxChannels: number
  readonly #isPreferred: (label: string) => boolean
  #shown: Set<string> = new Set()

  constructor(labels: ChannelLabels, maxChannels: number, isPreferred: (label: string) => boolean) {
    this.#labels = labels
    this.#maxChannels = maxChannels
    this.#isPreferred = isPreferred
  }

  of(snapshot: MonitorSnapshot): Map<string, number> {
    const all = new Map<string, number>()
    for (const { channel, subscribers } of snapshot.channels) add(all, this.#labels.of(channel), subscribers)

    const { named } = this.#labels
    const found = [...all.keys()].filter((label) => label !== OTHER && !named.has(label))
    const rank = (label: string) => (this.#isPreferred(label) ? 0 : this.#shown.has(label) ? 1 : 2)
    this.#shown = new Set(found.sort((a, b) => rank(a) - rank(b)).slice(0, this.#maxChannels))

    const totals = new Map<string, number>()
    for (const label of named) totals.set(label, 0)
    for (const [label, subscribers] of all) {
      add(totals, named.has(label) || this.#shown.has(label) ? label : OTHER, subscribers)
    }
    return totals
  }
}

function add(totals: Map<string, number>, label: string, subscribers: number): void {
  totals.set(label, (totals.get(label) ?? 0) + subscribers)
}
