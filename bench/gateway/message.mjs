const FIRST = 100_000_000
const MARK = '"at":"'
/** Digits of a time, so that every message has the same length. */
const DIGITS = 18

/** A message as an order service might send it, with its time in nanoseconds. @param {number} n @param {bigint} at */
export function text(n, at) {
  return `{"n":${FIRST + n},"at":"${String(at).padStart(DIGITS, '0')}","type":"order.created","orderId":"ORD-${FIRST + n}","total":149.97}`
}

/**
 * Microseconds since each message in a piece of what arrived.
 *
 * @param {Buffer} bytes @param {number} from @param {number} to @param {bigint} now @param {(us: number) => void} take
 */
export function eachAge(bytes, from, to, now, take) {
  const piece = bytes.subarray(from, to)
  for (let at = piece.indexOf(MARK); at !== -1; at = piece.indexOf(MARK, at)) {
    at += MARK.length
    // The rest of one that was cut comes with the next read: it is not timed.
    if (at + DIGITS <= piece.length) take(Number(now - BigInt(piece.toString('latin1', at, at + DIGITS))) / 1e3)
  }
}
