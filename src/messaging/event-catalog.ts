import type { StandardSchemaV1 } from '@standard-schema/spec'
import { assertEventType } from '../core/channel-name.ts'
import { TidingsError } from '../core/errors.ts'
import { isEventDefinition } from './event-definition.ts'
import { isSchema } from './schema.ts'

/** An event type, the channel it lives on, and what is known of its data. */
export interface EventPlace {
  readonly type: string
  readonly channel: string
  readonly schema: StandardSchemaV1 | undefined
  /** Events here must carry this very type: somebody declared it, and relies on it to tell events apart. */
  readonly declared: boolean
}

/** Places that are kept; beyond it they are made anew. */
const MAX_RECENT = 1_024

function schemaOf(type: string, value: unknown): StandardSchemaV1 | undefined {
  if (isSchema(value)) return value
  if (isEventDefinition(value) && value.type === type) return value.schema
  throw new TidingsError('INVALID_OPTION', `events["${type}"] is neither a Standard Schema nor its event definition.`, {
    context: { type },
    hint: 'A definition must stand under its own type.',
  })
}

/** Knows the event types of one bus: all strings, or, given the `events` option, exactly those in it. */
export class EventCatalog {
  readonly #prefix: string
  readonly #places: ReadonlyMap<string, EventPlace> | undefined
  /** Where all strings are types: places of some that were asked for. */
  readonly #recent = new Map<string, EventPlace>()

  /** @throws TidingsError `INVALID_OPTION`, `INVALID_EVENT_TYPE` */
  constructor(prefix: string, events: object | undefined) {
    this.#prefix = prefix
    if (events === undefined) return
    if (typeof events !== 'object' || events === null || Array.isArray(events)) {
      throw new TidingsError('INVALID_OPTION', 'The option "events" must be an object of event types.')
    }
    const places = Object.entries(events).map(([type, value]): [string, EventPlace] => [
      type,
      this.#place(type, schemaOf(type, value), true),
    ])
    this.#places = new Map(places)
  }

  #place(type: string, schema: StandardSchemaV1 | undefined, declared: boolean): EventPlace {
    assertEventType(type)
    const channel = this.#prefix + type
    assertEventType(channel)
    return { type, channel, schema, declared }
  }

  /**
   * The place that a string or a definition names.
   * @throws TidingsError `INVALID_EVENT_TYPE`
   */
  find(source: unknown): EventPlace {
    if (isEventDefinition(source)) return this.#place(source.type, source.schema, true)
    const known = (this.#places ?? this.#recent).get(source as string)
    if (known !== undefined) return known
    const place = this.#place(source as string, undefined, false)
    if (this.#places === undefined) {
      if (this.#recent.size >= MAX_RECENT) this.#recent.clear()
      this.#recent.set(place.type, place)
      return place
    }
    throw new TidingsError('INVALID_EVENT_TYPE', `This bus has no event type "${place.type}".`, {
      context: { type: place.type },
      hint: 'Add it to the `events` option, or use a definition.',
    })
  }

  /**
   * The place of an event that a pattern brought; the prefix goes only where it is the start.
   * @throws TidingsError `INVALID_EVENT` for a type that the `events` option leaves out: nothing vouches for its data.
   */
  received(channel: string): EventPlace {
    const type = channel.startsWith(this.#prefix) ? channel.slice(this.#prefix.length) : channel
    if (this.#places === undefined) return { type, channel, schema: undefined, declared: false }
    const place = this.#places.get(type)
    if (place !== undefined) return place
    throw new TidingsError('INVALID_EVENT', `An event came on "${channel}", of a type that this bus does not have.`, {
      context: { channel, type },
      hint: 'Add it to the `events` option, or narrow the pattern.',
    })
  }
}
