const FIRST = 100_000_000
const MARK = '"at":"'
/** Digits of a time, so that every message has the same length. */
const DIGITS = 18

/** A message as an order service might send it, with its time in nanoseconds. @param {number} n @param {bigint} at */
export function text(n, at) {
  return `{"n":${FIRST + n},"at":"${String(at).padStart(DIGITS, '0')}","type":"order.created","orderId":"ORD-${FIRST + n}","total":149.97}`
}

const A = 97
const T = 116
const QUOTE = 34
const ZERO = 48

/**
 * Microseconds since each message in a piece of what arrived. Without a string or another buffer: it runs for each
 * delivery, on the machine whose servers are measured.
 *
 * @param {Buffer} bytes @param {number} from @param {number} to @param {number} nowNs @param {(us: number) => void} take
 */
export function eachAge(bytes, from, to, nowNs, take) {
  // The rest of one that was cut comes with the next read: it is not timed.
  const last = to - MARK.length - DIGITS
  for (let at = from; at <= last; at += 1) {
    if (bytes[at] !== QUOTE || bytes[at + 1] !== A || bytes[at + 2] !== T || bytes[at + 3] !== QUOTE) continue
    at += MARK.length
    let ns = 0
    for (const end = at + DIGITS; at < end; at += 1) ns = ns * 10 + /** @type {number} */ (bytes[at]) - ZERO
    take((nowNs - ns) / 1e3)
  }
}
