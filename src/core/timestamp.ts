const ISO_TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d(?::?\d\d)?)?$/
let knownGood = ''

/** An ISO timestamp with a zone; undefined for a text that is none. One without is UTC, as Python's `utcnow().isoformat()` writes it. */
export function readTimestamp(timestamp: string): string | undefined {
  if (timestamp === knownGood) return timestamp
  const match = ISO_TIME.exec(timestamp)
  if (match === null) return undefined
  const zoned = match[1] === undefined ? `${timestamp}Z` : timestamp
  if (Number.isNaN(Date.parse(zoned))) return undefined
  if (zoned === timestamp) knownGood = zoned
  return zoned
}
