import type { LogEntry } from './event-log.ts'

/**
 * What travels on a log's live channel: entries of one log that were appended together, with consecutive numbers.
 *
 * On the wire, two lines and then the bytes: `<epoch> <gen> <first seq> <counter> <time ms>\n`, the lengths in bytes
 * of each entry's channel and payload as `<channel>:<payload>` joined by spaces and ended by `\n` (an entry of a
 * channel's own log has channel length 0), then channel and payload of each entry, one after another.
 */
export interface LiveFrame {
  readonly epoch: string
  readonly entries: readonly LogEntry[]
}

/** The lengths of one entry. */
const SIZE = /^(\d{1,10}):(\d{1,10})$/

/** Reads a frame; undefined for what is none: anybody can publish on any channel. */
export function decodeFrame(bytes: Buffer, ownChannel: string): LiveFrame | undefined {
  const headEnd = bytes.indexOf(10)
  const sizesEnd = headEnd < 0 ? -1 : bytes.indexOf(10, headEnd + 1)
  if (sizesEnd < 0) return undefined
  const [epoch, ...numbers] = bytes.toString('latin1', 0, headEnd).split(' ')
  const [gen, firstSeq, counter, timeMs] = numbers.map(Number)
  if (numbers.length !== 4 || !numbers.every(isNumber) || epoch === '') return undefined
  const entries: LogEntry[] = []
  let at = sizesEnd + 1
  for (const size of bytes.toString('latin1', headEnd + 1, sizesEnd).split(' ')) {
    const lengths = SIZE.exec(size)
    if (lengths === null) return undefined
    const channelEnd = at + Number(lengths[1])
    const end = channelEnd + Number(lengths[2])
    if (end > bytes.length) return undefined
    entries.push({
      seq: firstSeq! + entries.length,
      gen: gen!,
      channel: channelEnd === at ? ownChannel : bytes.toString('utf8', at, channelEnd),
      timeMs: timeMs!,
      counter: counter!,
      payload: bytes.subarray(channelEnd, end),
    })
    at = end
  }
  return at === bytes.length ? { epoch: epoch!, entries } : undefined
}

function isNumber(text: string): boolean {
  return /^\d{1,16}$/.test(text)
}

/** Writes a frame, as backends do. The entries are of one generation, consecutive, with one time and counter. */
export function encodeFrame(epoch: string, entries: readonly LogEntry[], shared: boolean): Buffer {
  const { gen, seq, counter, timeMs } = entries[0]!
  const channels = entries.map(({ channel }) => Buffer.from(shared ? channel : ''))
  const sizes = entries.map(({ payload }, index) => `${channels[index]!.length}:${payload.length}`)
  const head = Buffer.from(`${epoch} ${gen} ${seq} ${counter} ${timeMs}\n${sizes.join(' ')}\n`)
  return Buffer.concat([head, ...entries.flatMap(({ payload }, index) => [channels[index]!, payload])])
}
