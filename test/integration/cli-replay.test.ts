import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { EventBus } from '../../src/messaging/event-bus.ts'
import type { StoredEvent } from '../../src/messaging/event-history.ts'
import { type CliOptions, type CliResult, type CliRun, killRuns, runCli, startCli } from '../support/cli.ts'
import { eventually } from '../support/eventually.ts'
import { RedisServer } from '../support/redis-server.ts'

let server: RedisServer
let folder: string
let namespace: string
let bus: EventBus

beforeAll(async () => {
  server = await RedisServer.start()
  folder = await mkdtemp(join(tmpdir(), 'tidings-replay-'))
})
beforeEach(async () => {
  namespace = randomUUID()
  bus = new EventBus({ redis: server.url, namespace })
  await bus.policies.apply({ 'order.*': { history: { maxCount: 1_000 } } })
})
afterEach(async () => {
  killRuns()
  await bus.close()
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await server.stopWithoutLeaks()
})

const start = (args: readonly string[], options: CliOptions = {}): CliRun =>
  startCli([...args, '--namespace', namespace], { ...options, env: { REDIS_URL: server.url } })
const run = (args: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
  runCli([...args, '--namespace', namespace], { ...options, env: { REDIS_URL: server.url } })

const lines = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

async function append(type: string, ...all: readonly unknown[]): Promise<string[]> {
  const positions: string[] = []
  for (const data of all) positions.push((await bus.append(type, data)).position)
  return positions
}

async function kept(source: string): Promise<StoredEvent[]> {
  const events: StoredEvent[] = []
  for await (const event of bus.history(source)) events.push(event)
  return events
}

/** A module that writes each event to a file, as a line; what it does besides is in `extra`. */
async function handler(extra = ''): Promise<{ file: string; seen: () => Promise<Record<string, unknown>[]> }> {
  const [file, out] = [join(folder, `${randomUUID()}.mjs`), join(folder, randomUUID())]
  await writeFile(out, '')
  const code = `import { appendFile } from 'node:fs/promises'
export default async (event) => {
  ${extra}
  await appendFile(${JSON.stringify(out)}, JSON.stringify(event) + '\\n')
}
setInterval(() => {}, 1_000)`
  await writeFile(file, code)
  return { file, seen: async () => lines(await readFile(out, 'utf8')) }
}

describe('replay --to', () => {
  it('appends events with their own time and data under the new type, and when it runs again none twice', async () => {
    const at = await append('order.created', { n: 1 }, { n: 2 }, { n: 3 })
    const before = await kept('order.created')
    const args = ['replay', 'order.created', '--to', 'order.imported']
    const first = await run([...args, '--until', at[1]!])
    expect([first.code, first.stderr]).toEqual([0, ''])
    expect(first.stdout).toMatch(new RegExp(`^Replayed 2 events in \\d+\\.\\d s, up to ${at[1]}\\.\n$`))
    const again = await run([...args, '--json'])
    expect([again.code, again.stderr]).toEqual([0, ''])
    expect(lines(again.stdout)).toEqual([
      { kind: 'replay', events: 3, duplicates: 2, lastPosition: at[2], dryRun: false, tookMs: expect.any(Number) },
    ])
    const imported = await kept('order.imported')
    expect(imported.map(({ type, timestamp, data }) => ({ type, timestamp, data }))).toEqual(
      before.map(({ timestamp, data }) => ({ type: 'order.imported', timestamp, data })),
    )
    expect((await run(args)).stdout).toContain('; 3 had been there already.')
  })

  it('publishes them where the new type keeps no history', async () => {
    await append('order.created', 1, 2)
    await using live = await bus.subscribe('note')
    expect((await run(['replay', 'order.*', '--to', 'note', '--since', '1h'])).stdout).toMatch(/^Replayed 2 events/)
    expect((await live.next()).value).toMatchObject({ type: 'note', data: 1 })
    expect((await live.next()).value).toMatchObject({ type: 'note', data: 2 })
  })

  it('--dry-run counts and does nothing', async () => {
    const [, second] = await append('order.created', 1, 2, 3)
    const args = ['replay', 'order.created', '--to', 'order.imported', '--limit', '2', '--dry-run']
    expect(await run(args)).toMatchObject({
      code: 0,
      stdout: `Would replay 2 events, up to ${second}; nothing was done.\n`,
      stderr: '',
    })
    expect(lines((await run([...args, '--json'])).stdout)).toMatchObject([{ events: 2, dryRun: true }])
    expect(await kept('order.imported')).toEqual([])
  })

  it('stops at an event that is too large, with what is done and how to go on', async () => {
    const at = await append('order.created', 1, 'x'.repeat(5_000), 3)
    const args = ['replay', 'order.created', '--to', 'order.imported']
    const { code, stdout, stderr } = await run([...args, '--max-bytes', '1000', '--json'])
    expect([code, lines(stdout)]).toEqual([1, [{ kind: 'stopped', events: 1, position: at[0], since: at[0] }]])
    expect(stderr).toMatch(
      new RegExp(`^tidings: The event at ${at[1]} failed: The message has \\d+ bytes;.*--max-bytes`),
    )
    expect(stderr.split('\n')[1]).toBe(`tidings: Stopped; 1 event was done. Go on with --since ${at[0]}`)
    expect((await run([...args, '--since', at[0]!])).code).toBe(0)
    expect((await kept('order.imported')).map(({ data }) => data)).toEqual([1, 'x'.repeat(5_000), 3])
  })

  it('stops when Redis goes away, and says how to go on', async () => {
    const own = await RedisServer.start()
    try {
      await using theirs = new EventBus({ redis: own.url, onError: () => {} })
      await theirs.policies.apply({ 'order.*': { history: { maxCount: 10 } } })
      const first = await theirs.append('order.created', 1)
      await theirs.append('order.created', 2)
      const arrived = theirs.once('note')
      const args = ['replay', 'order.created', '--to', 'note', '--rate', '2']
      const replaying = startCli(args, { env: { REDIS_URL: own.url } })
      await arrived
      await own.kill()
      const { code, stdout, stderr } = await replaying.end()
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr).toContain('failed: ')
      expect(stderr).toContain(`\ntidings: Stopped; 1 event was done. Go on with --since ${first.position}\n`)
    } finally {
      await own.stop()
    }
  })

  it('refuses a position for several types with 2', async () => {
    const [position] = await append('order.created', 1)
    await append('order.paid', 1)
    const { code, stdout, stderr } = await run(['replay', 'order.*', '--to', 'note', '--since', position!])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^tidings: A position belongs to one log.*\n$/)
  })

  it('tells a hole, goes on behind it, and ends with 1', async () => {
    await bus.policies.apply({ 'order.*': { history: { maxCount: 2 } } })
    const at = await append('order.created', 1, 2, 3, 4)
    const args = ['replay', 'order.created', '--to', 'note', '--since', at[0]!, '--json']
    const { code, stdout } = await run(args)
    expect([code, lines(stdout)]).toMatchObject([
      1,
      [
        { kind: 'gap', reason: 'trimmed', from: at[0], to: at[1] },
        { kind: 'replay', events: 2 },
      ],
    ])
  })

  it.each([
    [['order.created', '--to', 'order.created'], '"order.created" is among what is replayed'],
    [['order.*', '--to', 'order.imported'], '"order.imported" is among what is replayed'],
    [['order.created', '--to', ''], 'event type'],
    [['order.created'], 'Give either --to or --handler.'],
    [['order.created', '--to', 'a', '--handler', 'b'], 'Give either --to or --handler.'],
    [['order.created', '--handler', '/nowhere.mjs'], '/nowhere.mjs cannot be read'],
    [['order.created', '--handler', 'package.json'], 'package.json cannot be loaded'],
    [['order.created', '--handler', 'src/cli/overview.ts'], 'src/cli/overview.ts'],
    [['order.created', '--to', 'a', '--rate', '0'], 'It must be a number above 0.'],
  ])('refuses %j with 2', async (args, says) => {
    const { code, stdout, stderr } = await run(['replay', ...args])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(says)
  })

  it('fails with 1 where nothing is kept', async () => {
    const { code, stderr } = await run(['replay', 'note', '--to', 'other'])
    expect([code, stderr]).toEqual([1, expect.stringContaining('keeps no history')])
  })
})

describe('replay --handler', () => {
  it('calls the module with each event, one after the other, and ends though the module keeps something open', async () => {
    const at = await append('order.created', 1, 2, 3)
    const { file, seen } = await handler('await new Promise((resolve) => setTimeout(resolve, 3 - event.data))')
    const { code, stdout, stderr } = await run(['replay', 'order.created', '--handler', file])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^Replayed 3 events/)
    expect(await seen()).toEqual(
      [1, 2, 3].map((data, index) => ({
        type: 'order.created',
        timestamp: expect.any(String),
        data,
        position: at[index],
      })),
    )
  })

  it('stops where it fails, and goes on from there', async () => {
    const at = await append('order.created', 1, 2, 3)
    const failing = await handler("if (event.data === 3) throw new Error('the disk is \\x1b[31mfull')")
    const stopped = await run(['replay', 'order.created', '--handler', failing.file])
    expect([stopped.code, stopped.stdout]).toEqual([1, ''])
    expect(stopped.stderr).toBe(
      `tidings: The event at ${at[2]} failed: the disk is \\u001b[31mfull\n` +
        `tidings: Stopped; 2 events were done. Go on with --since ${at[1]}\n`,
    )
    const mended = await handler()
    expect((await run(['replay', 'order.created', '--handler', mended.file, '--since', at[1]!])).code).toBe(0)
    expect([...(await failing.seen()), ...(await mended.seen())].map(({ data }) => data)).toEqual([1, 2, 3])
  })

  it('says a time to go on from where several types were replayed', async () => {
    await append('order.created', 1, 2)
    await append('order.paid', 3, 4)
    // Which one the fourth is depends on the milliseconds in which they came.
    const failing = await handler('globalThis.calls = (globalThis.calls ?? 0) + 1; if (calls === 4) throw "no"')
    const { stderr } = await run(['replay', 'order.*', '--handler', failing.file])
    const [, since] = /3 events were done\. Go on with --since (\d{4}-\S+Z)\n/.exec(stderr) ?? []
    const mended = await handler()
    expect((await run(['replay', 'order.*', '--handler', mended.file, '--since', since!])).code).toBe(0)
    const data = [...(await failing.seen()), ...(await mended.seen())].map((event) => event.data)
    expect(new Set(data)).toEqual(new Set([1, 2, 3, 4]))
  })

  it('on Ctrl-C says how many were done and how to go on, and ends with 130', async () => {
    const at = await append('order.created', 1, 2, 3)
    const { file, seen } = await handler()
    const replaying = start(['replay', 'order.created', '--handler', file, '--rate', '0.01', '--json'])
    await eventually(async () => expect(await seen()).toHaveLength(1), 15_000)
    replaying.signal('SIGINT')
    expect(await replaying.end()).toMatchObject({
      code: 130,
      stdout: `${JSON.stringify({ kind: 'stopped', events: 1, position: at[0], since: at[0] })}\n`,
      stderr: `tidings: Stopped; 1 event was done. Go on with --since ${at[0]}\n`,
    })
  })

  it('says so too where a handler hangs', async () => {
    const at = await append('order.created', 1, 2)
    const { file } = await handler("if (event.data === 2) await new Promise(() => console.log('hanging'))")
    const replaying = start(['replay', 'order.created', '--handler', file])
    await replaying.shows('hanging')
    replaying.signal('SIGINT')
    expect(await replaying.end()).toMatchObject({
      code: 130,
      stderr: `tidings: Stopped; 1 event was done. Go on with --since ${at[0]}\n`,
    })
  })
})

describe('progress of a replay', () => {
  it('is one line on a terminal, drawn over and taken away', async () => {
    await append('order.created', ...Array.from({ length: 40 }, (_, index) => index))
    const { stdout } = await run(['replay', 'order.created', '--to', 'note', '--rate', '100'], { terminal: true })
    const [before, ...drawn] = stdout.split('\r\u001b[K')
    expect(before).toBe('')
    expect(drawn.pop()).toMatch(/^Replayed 40 events in [^\n]*\r\n$/)
    for (const line of drawn) expect(line).toMatch(/^ *\d+% [█░]{24} \d+\/40 {2}[\d.]+\/s {2}\d+ s left$/)
    expect(drawn.length).toBeGreaterThan(1)
    expect(drawn.length).toBeLessThan(20)
    expect(stdout.split('\n')).toHaveLength(2)
  })
})

it.each(['replay', 'tail'])('%s --help has examples', async (name) => {
  const { stdout, code } = await run([name, '--help'])
  expect(code).toBe(0)
  expect(stdout).toMatch(new RegExp(`Examples:\n  \\$ tidings ${name}`))
  expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
})
