import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { RedisServer } from '../support/redis-server.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cookbook = readFileSync(`${root}/docs/cookbook.md`, 'utf8')

/** The snippets, each under the heading that it stands below, with what the page says that it prints. */
const snippets = [...cookbook.matchAll(/^```js\n(.*?)^```\n(?:\n```\n(.*?)^```\n)?/gms)].map((match) => {
  const heading = [...cookbook.slice(0, match.index).matchAll(/^##+ (.*)$/gm)].at(-1)![1]!
  return { heading, code: match[1]!, prints: match[2] ?? '' }
})

let server: RedisServer
beforeAll(async () => {
  server = await RedisServer.start()
})
beforeEach(async () => {
  await server.admin.flushall()
})
afterAll(() => server.stopWithoutLeaks())

test('there is a snippet for each of the eight practices', () => {
  const numbers = new Set(snippets.map(({ heading }) => Number.parseInt(heading, 10)))
  for (let practice = 1; practice <= 8; practice += 1) expect(numbers).toContain(practice)
})

describe('a snippet of the cookbook prints what the page says', () => {
  test.each(snippets)('$heading', async ({ code, prints }) => {
    const child = spawn(process.execPath, ['--input-type=module'], {
      cwd: root,
      env: { ...process.env, REDIS_URL: server.url },
    })
    child.stdin.end(code)
    const [printed, complaints] = await Promise.all([text(child.stdout), text(child.stderr)])
    expect(complaints).toBe('')
    expect(printed).toBe(prints)
  })
})
