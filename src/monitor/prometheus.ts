import { Counter, Gauge, Registry, type RegistryContentType } from 'prom-client'
import { TidingsError } from '../core/errors.ts'
import { type ChannelLabelRule, ChannelLabels, OTHER } from './channel-labels.ts'
import type { ForeignWatch } from './foreign-watch.ts'
import { MessageCounts } from './message-counts.ts'
import { type MetricsHandler, metricsHandler } from './metrics-handler.ts'
import type { Monitor } from './monitor.ts'
import { SubscriberReadings } from './subscriber-readings.ts'
import { SubscriberTotals } from './subscriber-totals.ts'

const PUBLISHED = 'redis_pubsub_messages_published_total'
const RECEIVED = 'redis_pubsub_messages_received_total'
const SUBSCRIBERS = 'redis_pubsub_active_subscribers'
const SCRAPE_ERRORS = 'tidings_scrape_errors_total'
const FOREIGN = 'tidings_foreign_messages_total'

/** Either kind of prom-client registry: Prometheus's text format or OpenMetrics. */
type MetricsRegistry = Registry<RegistryContentType>

export interface MetricsOptions {
  /** Asked at each scrape for the subscribers; without one there is no gauge. Stays open when the metrics close. */
  readonly monitor?: Monitor
  /** Its counts are shown; without one there is no such metric. Goes on when the metrics close. */
  readonly foreign?: ForeignWatch
  /** Where the metrics are registered; a new registry by default. */
  readonly registry?: MetricsRegistry
  /** How a channel becomes a label: globs or a function. By default a channel's own name is its label. */
  readonly channelLabel?: ChannelLabelRule
  /**
   * The most labels that a metric takes from channels' names or from a function; what comes later is `other`.
   * The globs of `channelLabel` and `other` come on top. Default 200.
   */
  readonly maxChannels?: number
}

export interface Metrics {
  readonly registry: MetricsRegistry
  /** Serves the registry over HTTP: GET and HEAD, at whatever path it is mounted. Never throws. */
  readonly handler: MetricsHandler
  /** The content type of {@link metrics}. */
  readonly contentType: RegistryContentType
  /** The whole registry in its text format. Rejects only where a collector of the registry's owner does. */
  metrics(): Promise<string>
  /** Stops counting and takes the metrics out of the registry. Idempotent. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const OPTIONS: ReadonlySet<string> = new Set(['monitor', 'foreign', 'registry', 'channelLabel', 'maxChannels'])

function assertOptions(options: MetricsOptions): void {
  for (const name of Object.keys(options)) {
    if (OPTIONS.has(name)) continue
    throw new TidingsError('UNKNOWN_OPTION', `createMetrics has no option "${name}".`, {
      hint: `It takes ${[...OPTIONS].join(', ')}.`,
    })
  }
  const { maxChannels = 0 } = options
  if (!Number.isSafeInteger(maxChannels) || maxChannels < 0) {
    throw new TidingsError('INVALID_OPTION', 'maxChannels must be a whole number from 0.')
  }
}

/**
 * Prometheus metrics of this process's messages and of the whole Redis's subscribers.
 *
 * - `redis_pubsub_messages_published_total{channel}`: messages that Redis accepted from this process.
 * - `redis_pubsub_messages_received_total{channel}`: messages that this process received, once for a channel
 *   subscription and once for each matching pattern, however many handlers there are.
 * - `redis_pubsub_active_subscribers{channel}`: connections subscribed by name, in the whole Redis, at the scrape.
 *   Absent where Redis could not be asked within two seconds.
 * - `tidings_scrape_errors_total`: how often that was so.
 * - `tidings_foreign_messages_total{channel}`: messages on watched channels with history that are in no log.
 *
 * Counting begins with the call. A message costs a look-up and an increment; prom-client is filled at the scrape.
 * @throws TidingsError `UNKNOWN_OPTION`; `INVALID_OPTION`, also where the registry already has these metrics;
 * `INVALID_PATTERN`
 */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  assertOptions(options)
  const { monitor, foreign, registry = new Registry(), channelLabel, maxChannels = 200 } = options
  const labels = new ChannelLabels(channelLabel)
  const counts = new MessageCounts(labels, maxChannels)

  const names = [PUBLISHED, RECEIVED]
  if (monitor !== undefined) names.push(SUBSCRIBERS, SCRAPE_ERRORS)
  if (foreign !== undefined) names.push(FOREIGN)
  for (const name of names) {
    if (registry.getSingleMetric(name) === undefined) continue
    throw new TidingsError('INVALID_OPTION', `The registry already has a metric named ${name}.`, {
      hint: 'Call createMetrics once for each registry, or close the earlier metrics first.',
    })
  }

  // prom-client's types tie a metric to one of the two kinds of registry; its code does not.
  const registers = [registry as Registry]
  const countMessages = (name: string, help: string, side: 'published' | 'received') =>
    new Counter({
      name,
      help,
      labelNames: ['channel'],
      registers,
      collect() {
        this.reset()
        for (const [channel, count] of counts) {
          if (count[side] > 0 || labels.named.has(channel)) this.inc({ channel }, count[side])
        }
      },
    })
  countMessages(PUBLISHED, 'Messages that Redis accepted from this process', 'published')
  countMessages(RECEIVED, 'Messages that this process received, once for each channel or pattern', 'received')
  if (monitor !== undefined) countSubscribers(monitor, labels, counts, maxChannels, registers)
  if (foreign !== undefined) countForeign(foreign, labels, maxChannels, registers)

  counts.start()
  let closed = false
  const close = async () => {
    if (closed) return
    closed = true
    counts.stop()
    for (const name of names) registry.removeSingleMetric(name)
  }
  return {
    registry,
    handler: metricsHandler(registry),
    get contentType() {
      return registry.contentType
    },
    metrics: () => registry.metrics(),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function countSubscribers(
  monitor: Monitor,
  labels: ChannelLabels,
  counts: MessageCounts,
  maxChannels: number,
  registers: Registry[],
): void {
  const readings = new SubscriberReadings(monitor)
  const totals = new SubscriberTotals(labels, maxChannels, (label) => counts.has(label))
  new Gauge({
    name: SUBSCRIBERS,
    help: 'Connections subscribed to the channel by name, in the whole Redis',
    labelNames: ['channel'],
    registers,
    // Every process reads the same Redis: workers' figures must not be added up.
    aggregator: 'max',
    async collect() {
      const snapshot = await readings.read()
      this.reset()
      if (snapshot === undefined) return
      for (const [channel, subscribers] of totals.of(snapshot)) this.set({ channel }, subscribers)
    },
  })
  new Counter({
    name: SCRAPE_ERRORS,
    help: 'Scrapes for which Redis could not be asked for its subscribers',
    registers,
    async collect() {
      await readings.read()
      this.reset()
      this.inc(readings.failures)
    },
  })
}

function countForeign(foreign: ForeignWatch, labels: ChannelLabels, maxChannels: number, registers: Registry[]): void {
  // The channels are known from the start: the first ones keep their names.
  const found = [...new Set([...foreign.counts().keys()].map((channel) => labels.of(channel)))]
  const own = new Set(found.filter((label) => label !== OTHER && !labels.named.has(label)).slice(0, maxChannels))
  const shown = (label: string) => (labels.named.has(label) || own.has(label) ? label : OTHER)
  new Counter({
    name: FOREIGN,
    help: 'Messages on watched channels with history that are in no log',
    labelNames: ['channel'],
    registers,
    // Every process that watches sees the same messages.
    aggregator: 'max',
    collect() {
      this.reset()
      for (const [channel, count] of foreign.counts()) this.inc({ channel: shown(labels.of(channel)) }, count)
    },
  })
}
