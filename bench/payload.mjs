/** Numbers start here, so that every message of a run has the same length. */
const FIRST = 100_000_000

/** What follows the last message: when it arrives, everything before it must have arrived. */
export const END = 0

const ITEM = '{"sku":"SKU-20318","quantity":2,"price":49.99}'

/**
 * The JSON text of message `index`, as an order service might send it.
 * `short` has 96 bytes, `long` 352.
 *
 * @param {'short' | 'long'} size @param {number} index
 */
export function payload(size, index) {
  const n = FIRST + index
  const head = `{"n":${n},"type":"order.created","orderId":"ORD-${n}"`
  const text =
    size === 'short'
      ? `${head},"total":149.97,"currency":"EUR"}`
      : `${head},"timestamp":"2025-01-15T10:30:00.000Z","customer":{"id":"CUS-58213","name":"Ada Lovelace","tier":"gold"},` +
        `"items":[${ITEM},${ITEM},${ITEM}],"total":149.97,"currency":"EUR"}`
  // One flat string: no arm should pay for gluing pieces together.
  return Buffer.from(text).toString('latin1')
}

/** The text that ends a stream of messages. */
export function endPayload() {
  return `{"n":${END}}`
}

/** Counts arrivals by number, so that a lost or doubled message shows. */
export class Tally {
  /** @param {number} total messages expected @param {number} copies how often each should be seen */
  constructor(total, copies = 1) {
    this.copies = copies
    this.counts = new Uint16Array(total)
  }

  /** @param {number} n the `n` of a received message */
  see(n) {
    const index = n - FIRST
    this.counts[index] = /** @type {number} */ (this.counts[index]) + 1
  }

  /** Throws unless every message was seen exactly as often as it should be. */
  verify() {
    let lost = 0
    let doubled = 0
    for (const count of this.counts) {
      if (count < this.copies) lost += this.copies - count
      if (count > this.copies) doubled += count - this.copies
    }
    if (lost > 0 || doubled > 0) throw new Error(`Wrong deliveries: ${lost} lost, ${doubled} doubled.`)
  }
}
