import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Policies } from '../../src/core/policy.ts'
import { EventBus } from '../../src/messaging/event-bus.ts'
import { type CliOptions, type CliResult, killRuns, runCli, startCli } from '../support/cli.ts'
import { RedisServer } from '../support/redis-server.ts'

const kept: Policies = { 'events:order.*': { history: { maxCount: 2 } } }

let server: RedisServer
let folder: string
let namespace: string

beforeAll(async () => {
  server = await RedisServer.start()
  folder = await mkdtemp(join(tmpdir(), 'tidings-cli-'))
})
beforeEach(() => {
  namespace = randomUUID()
})
afterEach(killRuns)
afterAll(async () => {
  await rm(folder, { recursive: true })
  await server.stopWithoutLeaks()
})

const run = (args: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
  runCli([...args, '--namespace', namespace], { ...options, env: { REDIS_URL: server.url } })

const lines = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

async function file(content: unknown): Promise<string> {
  const path = join(folder, randomUUID())
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

async function apply(policies: Policies): Promise<void> {
  expect((await run(['policy', 'apply', '-'], { input: JSON.stringify(policies) })).code).toBe(0)
}

async function append(type: string, data: unknown): Promise<string> {
  const { stdout } = await run(['append', type, JSON.stringify(data), '--json'])
  return lines(stdout)[0]!.position as string
}

describe('append', () => {
  it('prints position, receivers and whether it was there already, in all three forms', async () => {
    await apply(kept)
    const raw = await run(['append', 'order.created', '{"n":1}', '--dedupe-key', 'one'])
    expect(raw.stdout).toMatch(/^1-1@[0-9a-z]{12}\n0\n0\n$/)
    const [position] = raw.stdout.split('\n')
    const again = await run(['append', 'order.created', '-', '--dedupe-key', 'one', '--json'], { input: '{"n":1}' })
    expect(lines(again.stdout)).toEqual([{ type: 'order.created', position, receivers: 0, duplicate: true }])
    const terminal = await run(['append', 'order.created'], { terminal: true })
    expect(terminal.stdout).toMatch(/^1\) "2-1@[0-9a-z]{12}"\r\n2\) \(integer\) 0\r\n3\) \(integer\) 0\r\n$/)
  })

  it('fails with 1 where nothing is kept, and with 2 on a window without a key', async () => {
    const { code, stdout, stderr } = await run(['append', 'order.created'])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^tidings: .*history/)
    expect(await run(['append', 'a', '--dedupe-window-ms', '5'])).toMatchObject({
      code: 2,
      stderr: 'tidings: --dedupe-window-ms says nothing without --dedupe-key.\n',
    })
  })
})

describe('history', () => {
  it('prints events with their positions, by type and by pattern, both ways and within limits', async () => {
    await apply({ 'events:order.*': { history: { maxCount: 10 } } })
    const before = new Date()
    const first = await append('order.created', { n: 1 })
    const second = await append('order.created', { n: 2 })
    const other = await append('order.paid', { n: 3 })
    const shown = async (...args: string[]) => {
      const { code, stdout, stderr } = await run(['history', ...args, '--json'])
      expect([code, stderr]).toEqual([0, ''])
      return lines(stdout).map(({ position }) => position)
    }
    expect((await run(['history', 'order.paid'])).stdout).toMatch(
      new RegExp(`^${other}\norder\\.paid\n\\d{4}-.*Z\n\\{"n":3\\}\n$`),
    )
    expect(lines((await run(['history', 'order.paid', '--json'])).stdout)).toEqual([
      { kind: 'event', position: other, type: 'order.paid', timestamp: expect.any(String), data: { n: 3 } },
    ])
    expect(await shown('order.*')).toEqual([first, second, other])
    expect(await shown('order.*', '--reverse', '--limit', '2')).toEqual([other, second])
    expect(await shown('order.created', '--since', first)).toEqual([second])
    expect(await shown('order.created', '--until', first)).toEqual([first])
    expect(await shown('order.*', '--since', '10m')).toEqual([first, second, other])
    expect(await shown('order.*', '--since', before.toISOString())).toEqual([first, second, other])
    expect(await shown('order.*', '--until', '2h')).toEqual([])
    expect(await shown('order.*', '--prefix', 'others:')).toEqual([])
  })

  it('tells a hole, goes on behind it, and ends with 1', async () => {
    await apply(kept)
    const positions: string[] = []
    for (const n of [1, 2, 3, 4]) positions.push(await append('order.created', n))
    const [first, second, third, fourth] = positions
    const args = ['history', 'order.created', '--since', first!]
    const gap = { kind: 'gap', log: 'events:order.created', reason: 'trimmed', from: first, to: second }
    const json = await run([...args, '--json'])
    expect([json.code, json.stderr]).toEqual([1, ''])
    expect(lines(json.stdout)).toMatchObject([gap, { position: third }, { position: fourth }])
    const raw = await run([...args, '--limit', '1'])
    expect([raw.code, raw.stdout.split('\n')[0]]).toEqual([1, third])
    expect(raw.stderr).toBe(
      `tidings: The log "events:order.created" has a hole after ${first}, up to ${second}: trimmed.\n`,
    )
  })

  it('ends when its reader has seen enough, and that is no failure', async () => {
    const type = 'order.created'
    await apply({ 'events:order.*': { history: { maxCount: 1_000 } } })
    await using bus = new EventBus({ redis: server.url, namespace })
    await Promise.all(Array.from({ length: 1_000 }, () => bus.append(type, 'x'.repeat(1_000))))
    const reader = startCli(['history', type, '--namespace', namespace], { env: { REDIS_URL: server.url } })
    reader.child.stdout!.once('data', () => reader.child.stdout!.destroy())
    expect(await reader.end()).toMatchObject({ code: 0, stderr: '' })
  })

  it.each(['yesterday', '2026-02-30', '2026-13-01', '10', '10y', '1-1@UPPER', ''])(
    'refuses %j as a place',
    async (text) => {
      const { code, stderr } = await run(['history', 'order.created', '--since', text])
      expect(code).toBe(2)
      expect(stderr).toContain('It must be a time such as')
    },
  )

  it('refuses a position for a pattern', async () => {
    await apply({ 'events:order.*': { history: { maxCount: 10 } } })
    const position = await append('order.created', 1)
    await append('order.paid', 1)
    expect((await run(['history', 'order.*', '--since', position])).code).toBe(2)
  })
})

describe('policy', () => {
  it('shows what apply takes', async () => {
    expect((await run(['policy', 'show'])).stdout).toBe('{}\n')
    await apply(kept)
    const { stdout } = await run(['policy', 'show'])
    expect(JSON.parse(stdout)).toEqual(kept)
    expect(await run(['policy', 'diff', '-'], { input: stdout })).toMatchObject({ code: 0, stdout: '', stderr: '' })
    const json = lines((await run(['policy', 'show', '--json'])).stdout)
    expect(json).toEqual([{ version: expect.any(Number), policies: kept }])
  })

  it('diff prints a line for each pattern that differs and changes nothing; apply does it', async () => {
    await apply({ ...kept, 'events:gone': { maxBytes: 5 } })
    const path = await file({ 'events:order.*': { history: { maxCount: 3 } }, 'events:new': { maxBytes: 7 } })
    const added = '+ "events:new" {"maxBytes":7}\n'
    const removed = '- "events:gone" {"maxBytes":5}\n'
    const changed = '~ "events:order.*" {"history":{"maxCount":2}} -> {"history":{"maxCount":3}}\n'
    expect(await run(['policy', 'diff', path])).toMatchObject({ code: 1, stdout: removed + added + changed })
    expect(lines((await run(['policy', 'diff', path, '--json'])).stdout)).toEqual([
      { kind: 'remove', pattern: 'events:gone', before: { maxBytes: 5 } },
      { kind: 'add', pattern: 'events:new', after: { maxBytes: 7 } },
      {
        kind: 'change',
        pattern: 'events:order.*',
        before: { history: { maxCount: 2 } },
        after: { history: { maxCount: 3 } },
      },
    ])
    expect(await run(['policy', 'apply', path])).toMatchObject({ code: 0, stdout: added + changed })
    expect(await run(['policy', 'apply', path])).toMatchObject({ code: 0, stdout: '' })
    expect(await run(['policy', 'apply', '--replace', path])).toMatchObject({ code: 0, stdout: removed })
    expect(await run(['policy', 'diff', path])).toMatchObject({ code: 0, stdout: '' })
  })

  it('loses nothing when several apply at once', async () => {
    const patterns = ['a', 'b', 'c', 'd']
    await Promise.all(patterns.map((pattern) => apply({ [pattern]: { maxBytes: 1 } })))
    const { stdout } = await run(['policy', 'show'])
    expect(Object.keys(JSON.parse(stdout)).sort()).toEqual(patterns)
  })

  it('refuses what is no file of policies, with its name and 2', async () => {
    const missing = join(folder, 'missing')
    const [broken, wrong] = [await file('{oops'), await file({ 'events:a': { history: {} } })]
    for (const action of ['diff', 'apply']) {
      for (const [path, says] of [
        [missing, 'cannot be read'],
        [broken, 'is not JSON'],
        [wrong, '"events:a": "history" needs "maxCount"'],
      ] as const) {
        const { code, stdout, stderr } = await run(['policy', action, path])
        expect([code, stdout]).toEqual([2, ''])
        expect(stderr).toContain(path)
        expect(stderr).toContain(says)
      }
    }
    expect((await run(['policy', 'apply', '-'], { input: '[]' })).stderr).toContain('stdin: Policies must be an object')
  })

  it.each(['show', 'diff', 'apply'])('%s --help has examples', async (name) => {
    const { stdout, code } = await run(['policy', name, '--help'])
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`Examples:\n  \\$ .*tidings policy ${name}`))
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
  })
})
