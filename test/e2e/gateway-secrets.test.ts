import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { mintToken } from '../../src/gateway/auth/mint-token.ts'
import { eventually } from '../support/eventually.ts'
import { RedisServer } from '../support/redis-server.ts'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const SECRET = 'the-secret-of-tokens-0123456789abcdef'
const PASSWORD = 'the-password-of-redis-0123456789'
const KEY = 'the-key-of-the-api-0123456789'

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

/** A gateway in a process of its own, and all that it says. */
async function serve(redis: RedisServer): Promise<{ child: ChildProcess; url: string; said: () => string }> {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-secrets-'))
  ending.push(() => rmSync(folder, { recursive: true }))
  const may = 'authenticated'
  const config = { channels: { 'room:*': { subscribe: may, publish: may, history: may, presence: may } } }
  writeFileSync(join(folder, 'tidings.config.json'), JSON.stringify(config))
  const child = spawn(process.execPath, [MAIN, 'serve', '--port', '0', '--namespace', randomUUID()], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      REDIS_URL: `redis://:${PASSWORD}@127.0.0.1:${redis.port}`,
      TIDINGS_TOKEN_SECRET: SECRET,
      TIDINGS_API_KEY: KEY,
    },
  })
  ending.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream!.on('data', (chunk) => {
      text += String(chunk)
    })
  }
  await eventually(() => expect(text).toContain('serves at'), 15_000)
  return { child, url: /http:\S+\d/.exec(text)![0], said: () => text }
}

const token = (seconds: number, more: { secret?: string; channel?: string } = {}) =>
  mintToken({ secret: SECRET, userId: 'ada', expiresAt: new Date(Date.now() + seconds * 1_000), ...more })

test('no token, key, ticket or password is in anything that a gateway says, whatever goes wrong', {
  timeout: 60_000,
}, async () => {
  const redis = await RedisServer.start({ password: PASSWORD })
  ending.push(() => redis.stop())
  const { child, url, said } = await serve(redis)
  const answers: string[] = []
  const ask = async (path: string, headers: Record<string, string> = {}, body?: unknown): Promise<string> => {
    const response = await fetch(url + path, {
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(5_000),
    })
    const text = response.headers.get('content-type')?.startsWith('text/event-stream')
      ? String(await response.body!.cancel())
      : await response.text()
    answers.push([...response.headers].join('\n'), text)
    return text
  }
  const speak = async (path: string, commands: readonly unknown[]): Promise<void> => {
    const socket = new WebSocket(url.replace('http', 'ws') + path)
    ending.push(() => socket.terminate())
    const closed = once(socket, 'close').then(([code, reason]) => answers.push(`${code} ${reason}`))
    socket.on('message', (data) => answers.push(String(data)))
    await once(socket, 'open')
    for (const command of commands) socket.send(typeof command === 'string' ? command : JSON.stringify(command))
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 100))])
  }

  const good = await token(600)
  const tokens = {
    good,
    forged: await token(600, { secret: 'another-secret-0123456789-0123456789' }),
    over: await token(-10),
    other: await token(600, { channel: 'room:other' }),
    cut: good.slice(0, -5),
    wrong: `${good}.${good}`,
  }
  const bearer = (value: string) => ({ authorization: `Bearer ${value}` })
  for (const value of Object.values(tokens)) {
    const subscribe = { channel: 'room:a', token: value }
    await speak('/connection/websocket', [{ id: 1, connect: { token: value } }, { id: 2, subscribe }, '{"id":'])
    await speak(`/connection/websocket?token=${value}`, [{ id: 1, connect: {} }])
    await speak('/connection/websocket', [
      { id: 1, connect: { token: good } },
      { id: 2, refresh: { token: value } },
    ])
    await ask('/v1/inbox', bearer(value))
    await ask(`/v1/inbox?token=${value}`)
    await ask(`/sse?token=${value}&ticket=${value}&lastEventId=${value}`)
    await ask(`/v1/events/${value}`, { 'x-api-key': value }, { data: 1 })
    await ask('/connection/http_stream', {}, { id: 1, connect: { token: `${value}x` } })
  }
  for (const key of [KEY, `${KEY}x`, KEY.slice(0, -1)]) {
    await ask('/v1/events/a', { 'x-api-key': key }, { data: 1, append: true })
    await ask('/api/info', { authorization: `apikey ${key}` }, {})
    await ask('/api/publish', { authorization: `apikey ${key}` }, { channel: '', data: null })
  }
  const issued = await ask('/v1/sse-tickets', bearer(good), { channels: ['room:a'] })
  const { ticket } = JSON.parse(issued) as { ticket: string }
  answers.splice(answers.indexOf(issued), 1)
  await ask(`/sse?ticket=${ticket}`)
  await ask(`/sse?ticket=${ticket}`)
  await ask('/health/ready')

  // Redis goes, comes back, and has another password meanwhile.
  await redis.kill()
  await eventually(() => expect(said()).toMatch(/lost|broke|again/i), 10_000)
  await ask('/v1/inbox', bearer(good)).catch(() => {})
  await ask('/v1/users/ada/notifications', { 'x-api-key': KEY }, { type: 'info', title: 't', message: 'm' }).catch(
    () => {},
  )
  await redis.restart()
  await redis.admin.config('SET', 'requirepass', 'another')
  await redis.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await ask('/v1/inbox', bearer(good)).catch(() => {})
  await redis.admin.config('SET', 'requirepass', PASSWORD)
  child.kill('SIGTERM')
  await once(child, 'exit')

  const everything = [said(), ...answers].join('\n')
  expect(answers.length).toBeGreaterThan(100)
  const secrets = [SECRET, PASSWORD, KEY, ticket, ...Object.values(tokens).flatMap((value) => value.split('.'))]
  for (const secret of secrets) expect(everything.includes(secret), `${secret} was said`).toBe(false)
})
