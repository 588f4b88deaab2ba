import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { EventBus } from '../../src/messaging/event-bus.ts'
import { type CliOptions, type CliRun, killRuns, startCli } from '../support/cli.ts'
import { eventually } from '../support/eventually.ts'
import { RedisServer } from '../support/redis-server.ts'

let server: RedisServer
let namespace: string
let bus: EventBus

beforeAll(async () => {
  server = await RedisServer.start()
})
beforeEach(async () => {
  namespace = randomUUID()
  bus = new EventBus({ redis: server.url, namespace })
  await bus.policies.apply({ 'order.*': { history: { maxCount: 10 } } })
})
afterEach(async () => {
  killRuns()
  await bus.close()
})
afterAll(() => server.stopWithoutLeaks())

const tail = (args: readonly string[], options: CliOptions = {}): CliRun =>
  startCli(['tail', ...args, '--namespace', namespace], { ...options, env: { REDIS_URL: server.url } })

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

const event = (type: string, position: string, data: unknown) => ({
  kind: 'event',
  position,
  type,
  timestamp: expect.any(String),
  data,
})

describe('tail', () => {
  it('prints what is kept since a place, then what comes, each once', async () => {
    const at = await append('order.created', 1, 2, 3)
    const run = tail(['order.created', '--since', at[0]!, '--count', '4', '--json'])
    await run.shows(at[2]!)
    at.push(...(await append('order.created', 4, 5)))
    const { code, stdout, stderr } = await run.end()
    expect([code, stderr]).toEqual([0, ''])
    expect(lines(stdout)).toEqual([
      { kind: 'tail', source: 'order.created', resumed: { kind: 'recovered' } },
      ...[1, 2, 3, 4].map((index) => event('order.created', at[index]!, index + 1)),
    ])
  })

  it('since the start or a time, by pattern, each once; Ctrl-C ends it with 0', async () => {
    const wanted: string[] = []
    for (const since of ['start', '1h']) {
      wanted.push(...(await append('order.created', 1)), ...(await append('order.paid', 2)))
      const run = tail(['order.*', '--since', since, '--json'])
      for (const position of wanted) await run.shows(position)
      wanted.push(...(await append('order.shipped', 3)))
      await run.shows(wanted.at(-1)!)
      run.signal('SIGINT')
      const { code, stdout, stderr } = await run.end()
      expect([code, stderr]).toEqual([0, ''])
      const [begin, ...events] = lines(stdout)
      expect(begin).toEqual({ kind: 'tail', source: 'order.*', resumed: null })
      const positions = events.map(({ position }) => position)
      expect(positions.at(-1)).toBe(wanted.at(-1))
      expect(positions.toSorted()).toEqual(wanted.toSorted())
    }
  })

  it('without --since prints only what comes, four values each', async () => {
    await append('order.created', 'before')
    const run = tail(['order.created', '--count', '1'], { terminal: true })
    await run.shows('Reading events...')
    const [position] = await append('order.created', { n: 1 })
    const { code, stdout } = await run.end()
    expect(code).toBe(0)
    expect(stdout.split('\r\n').slice(1)).toEqual([
      `1) "${position}"`,
      '2) "order.created"',
      expect.stringMatching(/^3\) "\d{4}-.*Z"$/),
      '4) {"n":1}',
      '',
    ])
  })

  it('says that a place is gone, goes on behind it, and ends with 1', async () => {
    const at = await append('order.created', ...Array.from({ length: 13 }, (_, index) => index))
    const raw = await tail(['order.created', '--since', at[0]!, '--count', '1']).end()
    expect([raw.code, raw.stdout.split('\n')[0]]).toEqual([1, at[3]])
    expect(raw.stderr).toBe(`tidings: It cannot go on right after ${at[0]}: trimmed. It goes on after ${at[2]}.\n`)
    const json = await tail(['order.created', '--since', at[0]!, '--count', '1', '--json']).end()
    expect([json.code, json.stderr]).toEqual([1, ''])
    expect(lines(json.stdout)[0]).toEqual({
      kind: 'tail',
      source: 'order.created',
      resumed: { kind: 'reset', reason: 'trimmed', from: at[0], to: at[2] },
    })
    expect(lines(json.stdout).slice(1)).toEqual([event('order.created', at[3]!, 3)])
  })

  it('after a broken connection goes on with what was appended meanwhile', async () => {
    const run = tail(['order.created', '--json'])
    await run.shows('"kind":"tail"')
    const [first] = await append('order.created', 1)
    await run.shows(first!)
    await server.admin.call('CLIENT', 'KILL', 'TYPE', 'PUBSUB')
    const [second] = await append('order.created', 2)
    await run.shows(second!)
    await run.shows('connected again', 'stderr')
    run.signal('SIGTERM')
    const { code, stdout, stderr } = await run.end()
    expect(code).toBe(0)
    expect(lines(stdout).slice(1)).toEqual([event('order.created', first!, 1), event('order.created', second!, 2)])
    expect(stderr).toMatch(/connected again after .* s; what was appended meanwhile follows\n/)
  })

  it('prints a long log to a slow reader, whole', async () => {
    await bus.policies.apply({ 'order.*': { history: { maxCount: 100_000 } } })
    const count = 20_000
    await Promise.all(
      Array.from({ length: count }, (_, index) => bus.append('order.created', [index, 'x'.repeat(200)])),
    )
    const run = tail(['order.created', '--since', 'start', '--count', String(count), '--json'])
    run.child.stdout!.pause()
    // What the pipe and this process hold is full: now the command waits for its reader.
    const { readableHighWaterMark } = run.child.stdout!
    await eventually(() => expect(run.child.stdout!.readableLength).toBeGreaterThanOrEqual(readableHighWaterMark))
    run.child.stdout!.resume()
    const { code, stdout, stderr } = await run.end()
    expect([code, stderr]).toEqual([0, ''])
    const seen = lines(stdout)
      .slice(1)
      .map(({ data }) => (data as [number, string])[0])
    expect(seen).toEqual(Array.from({ length: count }, (_, index) => index))
  })

  it.each(['note', 'note.*'])('refuses %s, which keeps no history, with 1 and points to "on"', async (source) => {
    for (const args of [[source], [source, '--since', '1h']]) {
      const { code, stdout, stderr } = await tail(args).end()
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr).toMatch(/^tidings: No policy keeps the history of "note.*tidings on/)
    }
  })

  it('refuses what is no place with 2', async () => {
    const { code, stderr } = await tail(['order.created', '--since', 'yesterday']).end()
    expect([code, stderr]).toEqual([2, expect.stringContaining('It must be a time such as')])
  })
})
