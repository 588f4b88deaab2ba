import { type Channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { type PublishContext, publishChannel, type ReceiveContext, receiveChannel } from '../core/diagnostics.ts'
import { type ChannelLabels, OTHER } from './channel-labels.ts'
import { RecentMap } from './recent-map.ts'

/** How many channels' labels are remembered at least; see {@link RecentMap}. */
const REMEMBERED_CHANNELS = 4096

/** Messages of all channels that share one label, since the counting began. */
interface MessageCount {
  published: number
  received: number
}

/**
 * Counts the messages of this process by label, from what messaging tells `node:diagnostics_channel`.
 *
 * A message costs one look-up by its channel and one increment of a plain number. A label, once given, stays:
 * a counter that vanished and began again would look like a restart. So the labels that come from names are
 * limited to the first `maxChannels`, and whatever comes later is counted as `other`.
 */
export class MessageCounts {
  readonly #labels: ChannelLabels
  readonly #maxChannels: number
  readonly #byLabel: Map<string, MessageCount> = new Map()
  readonly #byChannel: RecentMap<MessageCount> = new RecentMap(REMEMBERED_CHANNELS)
  #ownNames = 0

  readonly #onPublished = (message: unknown): void => {
    const { channel, error } = message as PublishContext
    if (error === undefined) this.#count(channel).published += 1
  }
  readonly #onReceived = (message: unknown): void => {
    this.#count((message as ReceiveContext).channel).received += 1
  }
  readonly #sources: readonly (readonly [Channel, (message: unknown) => void])[] = [
    [publishChannel.asyncEnd as Channel, this.#onPublished],
    [receiveChannel.start as Channel, this.#onReceived],
  ]

  constructor(labels: ChannelLabels, maxChannels: number) {
    this.#labels = labels
    this.#maxChannels = maxChannels
    for (const label of labels.named) this.#add(label)
  }

  start(): void {
    for (const [source, listener] of this.#sources) subscribe(source.name, listener)
  }

  stop(): void {
    for (const [source, listener] of this.#sources) unsubscribe(source.name, listener)
  }

  has(label: string): boolean {
    return this.#byLabel.has(label)
  }

  [Symbol.iterator](): IterableIterator<[label: string, count: MessageCount]> {
    return this.#byLabel.entries()
  }

  #count(channel: string): MessageCount {
    const known = this.#byChannel.get(channel)
    if (known !== undefined) return known
    const count = this.#countOf(this.#labels.of(channel))
    this.#byChannel.set(channel, count)
    return count
  }

  #countOf(label: string): MessageCount {
    const known = this.#byLabel.get(label)
    if (known !== undefined) return known
    if (label === OTHER) return this.#add(OTHER)
    if (this.#ownNames >= this.#maxChannels) return this.#countOf(OTHER)
    this.#ownNames += 1
    return this.#add(label)
  }

  #add(label: string): MessageCount {
    const count = { published: 0, received: 0 }
    this.#byLabel.set(label, count)
    return count
  }
}
