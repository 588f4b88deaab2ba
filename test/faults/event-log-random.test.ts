import { expect, test } from 'vitest'
import type { Appended } from '../../src/core/event-log.ts'
import type { Gap } from '../../src/core/gap.ts'
import type { Message } from '../../src/core/message.ts'
import { LogTails } from '../../src/log/log-tails.ts'
import { Patience } from '../../src/log/patience.ts'
import { PatternHistory } from '../../src/log/pattern-history.ts'
import type { TailHandle } from '../../src/log/tail-handle.ts'
import { BEFORE_BIRTH, formatPosition, type Position, parsePosition } from '../../src/protocol/position.ts'
import { channelLog } from '../support/event-log.ts'
import { eventually } from '../support/eventually.ts'
import { type LogArena, memoryArena, redisArena } from '../support/log-arena.ts'

const log = channelLog('orders')
const SEED = Number(process.env.TIDINGS_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** Mulberry32: a small generator that can be begun again from its seed. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

type Seen = { readonly text: string; readonly position: Position } | { readonly gap: Gap }

interface Reader {
  /** Where it began; `kept` for one that began with what was kept. */
  readonly since: Position | 'kept' | undefined
  /** By the log. */
  readonly seen: Map<string, Seen[]>
  readonly pattern: boolean
  readonly handle: TailHandle
}

const name = formatPosition

/** Follows the log while things go wrong at random; then compares what was seen with what was appended. */
async function play(arena: LogArena, random: () => number, steps: number): Promise<void> {
  const { eventLog, pubSub } = arena
  const tails = new LogTails({ pubSub, eventLog, namespace: 'tidings', lookMs: 200 })
  const appended = new Map<string, string>()
  let sent = 0
  /** Logs are born on the way; what was appended last to each. */
  const last = new Map<string, Position>()
  const append = async (channel = 'orders') => {
    const payload = `m${sent++}`
    const dedupe = random() < 0.2 ? { key: payload, windowMs: 60_000 } : undefined
    const message = { channel, payload, retention: { maxCount: 1_000 }, dedupe }
    const first: Appended = await eventLog.append(channelLog(channel), message)
    const place = `${channel} ${name(first.position)}`
    expect(appended.get(place) ?? payload, 'no position is given twice').toBe(payload)
    appended.set(place, payload)
    last.set(channel, first.position)
    if (dedupe && random() < 0.5) await eventLog.append(channelLog(channel), message)
  }
  const young = () => Promise.all([1, 2].map(() => append(`orders.${Math.floor(random() * 6)}`)))
  const readers: Reader[] = []
  // Of a connection that has just been cut, a call may say so.
  const patience = new Patience()
  const account = () => {
    const seen = new Map<string, Seen[]>()
    const put = (channel: string, each: Seen) => {
      const own = seen.get(channel)
      if (own === undefined) seen.set(channel, [each])
      else own.push(each)
    }
    const listener = {
      accepts: () => true,
      onMessage: ({ channel, text, position }: Message) => put(channel, { text, position: position! }),
      onGap: (gap: Gap) => put(gap.log, { gap }),
    }
    return { seen, listener }
  }
  const read = async (since?: Position) => {
    const { seen, listener } = account()
    readers.push({ since, seen, pattern: false, handle: await tails.follow(log, listener, { since }) })
  }
  const watch = async () => {
    const { seen, listener } = account()
    readers.push({
      since: undefined,
      seen,
      pattern: true,
      handle: await patience.until(() => tails.watch('ord*', [], listener)),
    })
  }
  const readPattern = async () => {
    const { seen, listener } = account()
    const live = await patience.until(() => tails.watch('ord*', [], listener, { paused: true }))
    const all = { eventLog, pattern: 'ord*', since: 'start', live, ...listener, onError: () => {} } as const
    const handle = new PatternHistory(all)
    readers.push({ since: 'kept', seen, pattern: true, handle })
    handle.resume(1_000)
  }
  await read()
  await watch()
  const any = () => readers[Math.floor(random() * readers.length)]!
  const story: string[] = []
  const trouble: [string, number, () => Promise<unknown>][] = [
    ['append', 12, () => Promise.all(Array.from({ length: 1 + Math.floor(random() * 40) }, () => append()))],
    ['append to young ones', 4, young],
    ['cut', 3, () => arena.cut()],
    ['save', 2, () => arena.save()],
    ['fail over', 1, () => arena.failOver()],
    ['flush', 0.3, () => arena.flushAll()],
    ['resume', 2, async () => readers.length < 8 && read(endOf(any(), 'orders') ?? BEFORE_BIRTH)],
    ['read a pattern', 1, async () => readers.length < 8 && readPattern()],
    ['pause', 1, async () => any().handle.pause()],
    ['unpause', 1, async () => any().handle.resume(1 + Math.floor(random() * 50))],
    ['trim', 1, async () => arena.trim(log, 1 + Math.floor(random() * 200))],
  ]
  const weight = trouble.reduce((sum, [, each]) => sum + each, 0)
  for (let step = 0; step < steps; step += 1) {
    let at = random() * weight
    const [what, , act] = trouble.find(([, each]) => {
      at -= each
      return at < 0
    })!
    story.push(what)
    await act()
  }
  for (const channel of new Set(['orders', ...last.keys()])) await append(channel)
  for (const { handle } of readers) handle.resume(1_000)
  await eventually(() => {
    for (const reader of readers) {
      for (const [channel, end] of last) {
        // A channel's reader knows of no other.
        if (channel !== 'orders' && !reader.pattern) continue
        const seen = reader.seen.get(channel) ?? []
        const what = `${channel}; ${story.join(', ')}; ${JSON.stringify(seen.slice(-3))}`
        expect(name(endOf(reader, channel) ?? BEFORE_BIRTH), what).toBe(name(end))
      }
    }
  }, 15_000)
  for (const { handle } of readers) handle.release()
  tails.close()
  for (const { since, seen } of readers) {
    for (const [channel, each] of seen) check(channel, since, each, appended, story)
  }
}

/** Where a reader of a log has come to. */
function endOf({ since, seen }: Reader, channel: string): Position | undefined {
  const last = seen.get(channel)?.at(-1)
  if (last === undefined) return since === 'kept' ? undefined : since
  return 'gap' in last ? parsePosition(last.gap.to) : last.position
}

/** Each entry that was seen is one that was appended; between two of them none is missing without a gap. */
function check(
  channel: string,
  since: Position | 'kept' | undefined,
  seen: readonly Seen[],
  appended: ReadonlyMap<string, string>,
  story: readonly string[],
): void {
  const told = new Set<string>()
  const first = seen[0]!
  let before: Position | undefined = since === 'kept' ? undefined : since
  // Of what was kept, it has what there was.
  if (since === 'kept' && 'position' in first) before = { ...first.position, seq: first.position.seq - 1 }
  for (const each of seen) {
    if ('gap' in each) {
      // A log that had been flushed may come back with an older state of the server: it is read anew.
      if (each.gap.reason === 'lost') told.clear()
      // A reader from before the first entry has learnt by then which log it is.
      if (before?.epoch === '') expect(each.gap.from, story.join(', ')).toMatch(/^0-/)
      else if (before !== undefined) expect(each.gap.from, story.join(', ')).toBe(formatPosition(before))
      before = parsePosition(each.gap.to)
      continue
    }
    const { position, text } = each
    expect(appended.get(`${channel} ${name(position)}`) ?? text, `the entry at ${name(position)}`).toBe(text)
    expect(told.has(name(position)), `${name(position)} came twice: ${story.join(', ')}`).toBe(false)
    told.add(name(position))
    if (before !== undefined && before.epoch !== '') {
      expect(position.epoch, story.join(', ')).toBe(before.epoch)
      expect(position.gen, story.join(', ')).toBeGreaterThanOrEqual(before.gen)
    }
    expect(position.seq, `after ${before && name(before)}: ${story.join(', ')}`).toBe((before?.seq ?? 0) + 1)
    before = position
  }
}

test.each([
  ['in memory', memoryArena, 20, 60],
  ['on Redis', redisArena, 6, 40],
])(
  `random trouble %s (seed ${SEED}): what a reader sees has no silent gap, no double, no stranger`,
  {
    timeout: 120_000,
  },
  async (_where, open, rounds, steps) => {
    const random = generator(SEED)
    for (let round = 0; round < rounds; round += 1) {
      const arena = await open()
      try {
        await play(arena, random, steps)
      } finally {
        await arena.close()
      }
    }
  },
)
