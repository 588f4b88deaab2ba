import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { Centrifuge } from 'centrifuge'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { mintToken } from '../../src/gateway/auth/mint-token.ts'
import { EventBus, NotificationService } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { upTo } from '../support/gateway.ts'
import { RedisServer } from '../support/redis-server.ts'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

const SECRET = 'a secret that only tests know, and long enough'

let redis: RedisServer
let folder: string
let config: string
beforeAll(async () => {
  redis = await RedisServer.start()
  folder = mkdtempSync(join(tmpdir(), 'tidings-serve-'))
  config = join(folder, 'tidings.config.json')
  writeFileSync(config, JSON.stringify({ channels: { 'events:*': { subscribe: 'authenticated' } } }))
})
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await redis.stop()
})

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

interface Node {
  readonly child: ChildProcess
  readonly url: string
  /** Lines that it has printed. */
  readonly lines: { readonly kind: string }[]
}

/** A gateway in a process of its own, on the Redis. */
async function serve(namespace: string): Promise<Node> {
  const args = [
    MAIN,
    '--json',
    '--redis',
    redis.url,
    '--namespace',
    namespace,
    'serve',
    '--config',
    config,
    '--port',
    '0',
  ]
  const env = { ...process.env, TIDINGS_TOKEN_SECRET: SECRET }
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env })
  ending.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const lines: { kind: string; url?: string }[] = []
  createInterface({ input: child.stdout! }).on('line', (line) => lines.push(JSON.parse(line)))
  await eventually(() => expect(lines[0]?.kind).toBe('listening'), 15_000)
  return { child, url: lines[0]!.url!, lines }
}

/** A client that, each time it connects, connects to the node that is current. */
async function client(user: string, current: () => string): Promise<Centrifuge> {
  const endpoint = () => `${current().replace('http', 'ws')}/connection/websocket`
  const made = new Centrifuge(endpoint(), {
    websocket: class extends WebSocket {
      constructor() {
        super(endpoint())
      }
    },
    token: await mintToken({ secret: SECRET, userId: user, expiresAt: new Date(Date.now() + 600_000) }),
    minReconnectDelay: 50,
    maxReconnectDelay: 300,
  })
  ending.push(() => made.disconnect())
  made.connect()
  return made
}

test('kill -9 of one of two nodes: its clients go on at the other, with everything they missed', {
  timeout: 90_000,
}, async () => {
  const namespace = randomUUID()
  const [one, two] = [await serve(namespace), await serve(namespace)]
  const bus = new EventBus({ redis: redis.url, namespace })
  ending.push(() => bus.close())
  await bus.policies.apply({ 'order.*': { history: { maxCount: 10_000 } } })
  let current = one.url
  const lists: number[][] = []
  const recovered: boolean[] = []
  for (let n = 0; n < 20; n += 1) {
    const each = await client(`user${n}`, () => current)
    const got: number[] = []
    lists.push(got)
    const subscription = each.newSubscription('events:order.created')
    subscription.on('publication', ({ data }) => got.push((data as { data: number }).data))
    subscription.on('subscribed', (context) => {
      if (context.wasRecovering) recovered.push(context.recovered)
    })
    subscription.subscribe()
    await subscription.ready()
  }
  let sent = 0
  const send = async (count: number) => {
    for (let n = 0; n < count; n += 1) await bus.append('order.created', ++sent)
  }
  await send(100)
  current = two.url
  one.child.kill('SIGKILL')
  await send(100)
  await eventually(() => expect(recovered).toHaveLength(20), 20_000)
  await send(100)
  await eventually(() => {
    for (const got of lists) expect(got).toEqual(upTo(sent))
  }, 20_000)
  expect(recovered.every(Boolean)).toBe(true)
})

test('a node that is told to end sends its clients to the other, which know nothing is missing', {
  timeout: 90_000,
}, async () => {
  const namespace = randomUUID()
  const [one, two] = [await serve(namespace), await serve(namespace)]
  const bus = new EventBus({ redis: redis.url, namespace })
  const notifications = new NotificationService({ redis: bus.connection })
  ending.push(async () => {
    await notifications.close()
    await bus.close()
  })
  let current = one.url
  const ada = await client('ada', () => current)
  const titles: string[] = []
  ada.on('publication', ({ channel, data }) => {
    const { kind, notification } = data as { kind: string; notification?: { title: string } }
    if (channel === '#inbox' && kind === 'notification') titles.push(notification!.title)
  })
  await ada.ready()
  await notifications.sendToUser('ada', { type: 'info', title: 'before', message: '' })
  await eventually(() => expect(titles).toEqual(['before']))
  current = two.url
  one.child.kill('SIGTERM')
  const [code] = await once(one.child, 'exit')
  expect([code, one.lines.at(-1)?.kind]).toEqual([0, 'draining'])
  await ada.ready()
  await notifications.sendToUser('ada', { type: 'info', title: 'after', message: '' })
  await eventually(() => expect(titles).toEqual(['before', 'after']))
})

test('half a request, and half an upgrade, are ended within ten seconds', { timeout: 30_000 }, async () => {
  const { url } = await serve(randomUUID())
  for (const more of ['', 'Upgrade: websocket\r\nConnection: Upgrade\r\n']) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    ending.push(() => socket.destroy())
    socket.resume().on('error', () => {})
    socket.write(`GET /connection/websocket HTTP/1.1\r\nHost: x\r\n${more}`)
    const begun = performance.now()
    await once(socket, 'close')
    expect(performance.now() - begun).toBeLessThan(10_000)
  }
})

test('--dev listens on this machine alone, and says why it does not elsewhere', async () => {
  const child = spawn(process.execPath, [MAIN, 'serve', '--dev', '--host', '0.0.0.0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += String(chunk)
  })
  const [code] = await once(child, 'exit')
  expect([code, said]).toEqual([2, expect.stringContaining('this machine alone')])
})

test('the page of --dev allows nothing but its own, and gives tokens to pages of this machine alone', async () => {
  const child = spawn(process.execPath, [MAIN, '--redis', 'memory:', '--json', 'serve', '--dev', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  ending.push(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { port } = new URL((JSON.parse(line) as { url: string }).url)
  const ask = async (path: string, host: string, headers = {}) => {
    const asked = request({ host: '127.0.0.1', port, path, headers: { host, ...headers } }).end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    return { status: response.statusCode, headers: response.headers, text: await text(response) }
  }
  for (const path of ['/', '/page.js', '/page.css', '/icon.svg']) {
    const { status, headers } = await ask(path, `127.0.0.1:${port}`)
    expect(status).toBe(200)
    expect(headers).toMatchObject({
      'content-security-policy': "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    })
  }
  const page = (await ask('/', `127.0.0.1:${port}`)).text
  expect(page).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\son[a-z]+=|\sstyle=|javascript:/i)
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, 'localhost']) {
    expect([host, (await ask('/dev/token?user=ada', host)).status]).toEqual([host, 200])
  }
  // The name of another's page may be made to lead here: to the browser it is then of one origin with what it asks.
  for (const host of [
    `evil.example:${port}`,
    `localhost.evil.example:${port}`,
    '169.254.1.1',
    `127.0.0.1.evil.example`,
  ]) {
    expect([host, (await ask('/dev/token?user=ada', host)).status]).toEqual([host, 403])
  }
})
