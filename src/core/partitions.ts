/** Slots of a Redis Cluster. */
const SLOTS = 16_384

/** Partitions of a deployment, unless it was set up with another number. */
export const DEFAULT_PARTITIONS = 128
/** More would make the list of tags slow to find and gain nothing: each partition is a 1,024th of the data. */
export const MAX_PARTITIONS = 1_024

/**
 * CRC16 as Redis Cluster computes it (XMODEM: polynomial 0x1021, start 0), over the text's UTF-8 bytes.
 * Source: the Redis Cluster specification, appendix A.
 */
export function crc16(text: string): number {
  let crc = 0
  for (const byte of Buffer.from(text)) crc = ((crc << 8) & 0xffff) ^ TABLE[((crc >> 8) ^ byte) & 0xff]!
  return crc
}

const TABLE: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff
  return crc
})

/** The slot of a key in a Redis Cluster: that of the part in the first braces, where there is one. */
export function slotOf(key: string): number {
  const open = key.indexOf('{')
  const close = open < 0 ? -1 : key.indexOf('}', open + 1)
  return crc16(close > open + 1 ? key.slice(open + 1, close) : key) % SLOTS
}

/** The partition of something that is named. */
export function partitionOf(name: string, partitions: number): number {
  return crc16(name) % partitions
}

const tagLists = new Map<number, readonly string[]>()

/**
 * The tag of a partition, such as `p17` or `p17c`. Tags are chosen so that partition i of P lies in the i-th of P
 * equal parts of the slots: the partitions spread evenly over any number of servers.
 */
export function partitionTag(partition: number, partitions: number): string {
  let tags = tagLists.get(partitions)
  if (tags === undefined) {
    tags = Array.from({ length: partitions }, (_, index) => findTag(index, partitions))
    tagLists.set(partitions, tags)
  }
  return tags[partition]!
}

function findTag(partition: number, partitions: number): string {
  const from = Math.ceil((partition * SLOTS) / partitions)
  const to = Math.ceil(((partition + 1) * SLOTS) / partitions)
  for (let ending = 0; ; ending += 1) {
    const tag = `p${partition}${ending === 0 ? '' : `x${ending.toString(36)}`}`
    const slot = crc16(tag) % SLOTS
    if (slot >= from && slot < to) return tag
  }
}
