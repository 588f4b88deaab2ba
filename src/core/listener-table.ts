import { fromByteString, toByteString } from './byte-string.ts'
import { Message } from './message.ts'
import type { Listener, SubscriptionKind } from './pub-sub.ts'

/** One listener's place in a {@link ListenerTable}. */
export interface Place {
  readonly kind: SubscriptionKind
  readonly name: string
  readonly row: Row
  /** Nobody listened to this name when the place was taken. */
  readonly first: boolean
}

interface TakenPlace extends Place {
  readonly listener: Listener
  readonly order: number
  gone: boolean
}

/** Everybody who listens to one name. */
export interface Row {
  /**
   * The only listener, which most names have, and its place in the order. It is found here without a step through
   * its place into cold memory, of which thousands of names have much.
   */
  single: Listener | undefined
  order: number
  readonly name: string
  /** In the order of adding. Grows at its end, and is replaced when a place goes. */
  places: TakenPlace[]
}

/**
 * Who listens to what within one client of a backend.
 *
 * Listeners may add and remove places while a message is handed round: a place removed gets nothing more, this
 * message included; a place added gets the next message. The same function may hold several places and is then
 * called once for each.
 */
export class ListenerTable {
  /** Keyed by byte string: what arrives from Redis is bytes. */
  readonly #rows = { channel: new Map<string, Row>(), pattern: new Map<string, Row>() }
  #lastOrder = 0

  add(kind: SubscriptionKind, name: string, listener: Listener): Place {
    const rows = this.#rows[kind]
    const key = toByteString(name)
    const known = rows.get(key)
    const row: Row = known ?? { single: undefined, order: 0, name, places: [] }
    this.#lastOrder += 1
    const place = { kind, name, listener, row, first: known === undefined, order: this.#lastOrder, gone: false }
    if (known === undefined) {
      rows.set(key, row)
      row.places = [place]
    } else row.places.push(place)
    noteSingle(row)
    return place
  }

  /** Tells whether this was the name's last place. False too for a place that is gone already. */
  remove(place: Place): boolean {
    const taken = place as TakenPlace
    if (taken.gone) return false
    taken.gone = true
    taken.row.places = taken.row.places.filter((other) => other !== taken)
    noteSingle(taken.row)
    return taken.row.places.length === 0 && this.#rows[place.kind].delete(toByteString(place.name))
  }

  has(kind: SubscriptionKind, name: string): boolean {
    return this.#rows[kind].has(toByteString(name))
  }

  /** The names that somebody listens to, in the order in which they were first added. */
  names(kind: SubscriptionKind): string[] {
    return Array.from(this.#rows[kind].values(), (row) => row.name)
  }

  /** Removes every place, also from under a message that is just being handed round. */
  clear(): void {
    for (const rows of Object.values(this.#rows)) {
      for (const row of rows.values()) {
        for (const place of row.places) place.gone = true
        row.single = undefined
      }
      rows.clear()
    }
  }

  /** Hands a message to the listeners of its channel. Names are byte strings. */
  dispatchChannel(channel: string, payload: Buffer): void {
    const row = this.#rows.channel.get(channel)
    if (row !== undefined) this.#hand(row, new Message(row.name, payload))
  }

  /** Hands a message that came by a pattern to that pattern's listeners. Names are byte strings. */
  dispatchPattern(pattern: string, channel: string, payload: Buffer): void {
    const row = this.#rows.pattern.get(pattern)
    if (row !== undefined) this.#hand(row, new Message(fromByteString(channel), payload))
  }

  /** Hands a message to the listeners of several names: they share it. The channel is a byte string. */
  dispatchRows(rows: readonly Row[], channel: string, payload: Buffer): void {
    if (rows.length === 0) return
    const message = new Message(fromByteString(channel), payload)
    const newest = this.#lastOrder
    for (const row of rows) this.#hand(row, message, newest)
  }

  #hand(row: Row, message: Message, newest: number = this.#lastOrder): void {
    const { single } = row
    if (single !== undefined) {
      if (row.order <= newest) single(message)
      return
    }
    for (const place of row.places) {
      if (place.order > newest) break
      if (!place.gone) place.listener(message)
    }
  }
}

function noteSingle(row: Row): void {
  const [first] = row.places
  const alone = row.places.length === 1
  row.single = alone ? first?.listener : undefined
  row.order = first?.order ?? 0
}
