import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import type { Centrifuge } from 'centrifuge'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { eventually } from '../support/eventually.ts'
import { type ServingExample, serveExample } from '../support/example.ts'
import { connectClient, listenTo } from '../support/gateway.ts'
import { RedisServer } from '../support/redis-server.ts'

let redis: RedisServer
beforeAll(async () => {
  redis = await RedisServer.start()
})
afterAll(() => redis.stopWithoutLeaks())

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
  await redis.admin.flushall()
})

/** How each wants to be asked. */
interface Dialect {
  login(url: string, user: string): Promise<string>
  order(url: string, user: string): Promise<number>
  /** What an order event of it has. */
  readonly data: unknown
}

const post = (url: string, body?: unknown) =>
  fetch(url, {
    method: 'POST',
    ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
const form = (url: string, body: Record<string, string>) =>
  fetch(url, { method: 'POST', body: new URLSearchParams(body) })
const tokenIn = async (response: Response) => ((await response.json()) as { token: string }).token

const EXAMPLES: Record<string, Dialect> = {
  'gateway-node.mjs': {
    login: async (url, user) => tokenIn(await post(`${url}/token?user=${user}`)),
    order: async (url, user) => (await post(`${url}/orders?user=${user}`)).status,
    data: { orderId: expect.stringMatching(/^ORD-/) },
  },
  'gateway-express.mjs': {
    login: async (url, user) => tokenIn(await form(`${url}/login`, { user })),
    order: async (url, user) => (await form(`${url}/orders`, { user, item: 'tea' })).status,
    data: { item: 'tea' },
  },
  'gateway-fastify.mjs': {
    login: async (url, user) => tokenIn(await post(`${url}/login`, { user })),
    order: async (url, user) => (await post(`${url}/orders`, { user, item: 'tea' })).status,
    data: { item: 'tea' },
  },
}

async function serve(name: string, env: Record<string, string>): Promise<ServingExample> {
  const example = await serveExample(name, env)
  ending.push(() => example.kill())
  return example
}

function connect({ url }: ServingExample, token: string): Centrifuge {
  const client = connectClient(`${url.replace('http', 'ws')}/connection/websocket`, { token })
  ending.push(() => client.disconnect())
  return client
}

/** The titles of the notifications that come. */
function titlesOf(client: Centrifuge): string[] {
  const titles: string[] = []
  client.on('publication', ({ channel, data }) => {
    if (channel === '#inbox' && data.kind === 'notification') titles.push(data.notification.title)
  })
  return titles
}

test('every example of a gateway is run by a test', () => {
  const folder = new URL('../../examples/', import.meta.url)
  const examples = readdirSync(folder).filter((name) => /^gateway-.*\.mjs$/.test(name))
  expect(examples.toSorted()).toEqual(Object.keys(EXAMPLES).toSorted())
})

describe.each(Object.entries(EXAMPLES))('%s', (name, { login, order, data }) => {
  test.each(['memory', 'Redis'])(
    'an order reaches the browser as an event and as a notification, on %s',
    async (where) => {
      const example = await serve(name, { REDIS_URL: where === 'Redis' ? redis.url : 'memory:' })
      const client = connect(example, await login(example.url, 'ada'))
      const titles = titlesOf(client)
      const { subscription, got } = listenTo(client, 'events:order.created')
      await subscription.ready()
      expect([200, 201]).toContain(await order(example.url, 'ada'))
      await order(example.url, 'bob')
      await eventually(() => expect(got).toHaveLength(2))
      expect(got[0]).toMatchObject({ type: 'order.created', data })
      await eventually(() => expect(titles).toEqual(['Thank you!']))

      expect((await fetch(`${example.url}/health/ready`)).status).toBe(200)
      expect((await fetch(`${example.url}/nothing`)).status).toBe(404)
      const told = new Promise((resolve) => client.once('connecting', ({ code }) => resolve(code)))
      const stopping = example.stop()
      expect(await told).toBe(3001)
      client.disconnect()
      expect(await stopping).toBe(0)
      expect(example.output()).not.toMatch(/warning|error/i)
    },
  )

  test('who brings no token, or one of another deployment, is not let in; and channels without a rule are nobody’s', async () => {
    const example = await serve(name, { REDIS_URL: 'memory:' })
    const stranger = await serve(name, { REDIS_URL: 'memory:' })
    for (const token of ['', await login(stranger.url, 'ada')]) {
      const client = connect(example, token)
      expect(await new Promise((resolve) => client.once('disconnected', ({ code }) => resolve(code)))).toBe(101)
    }
    const client = connect(example, await login(example.url, 'ada'))
    const { subscription } = listenTo(client, 'events:salary.paid')
    const refused = new Promise((resolve) => subscription.once('unsubscribed', ({ code }) => resolve(code)))
    expect(await refused).toBe(103)
  })
})

test('two nodes on one Redis: what happens at one reaches who is connected to the other', async () => {
  const env = { REDIS_URL: redis.url, TIDINGS_TOKEN_SECRET: randomBytes(32).toString('hex') }
  const [one, two] = [await serve('gateway-node.mjs', env), await serve('gateway-express.mjs', env)]
  const client = connect(one, await EXAMPLES['gateway-express.mjs']!.login(two.url, 'ada'))
  const titles = titlesOf(client)
  const { subscription, got } = listenTo(client, 'events:order.created')
  await subscription.ready()
  await EXAMPLES['gateway-express.mjs']!.order(two.url, 'ada')
  await eventually(() => expect(got).toMatchObject([{ data: { item: 'tea' } }]))
  await eventually(() => expect(titles).toEqual(['Thank you!']))
})

test('the page of gateway-node.mjs shows orders as they come, and counts that agree in two tabs', async () => {
  const browser = await launchChromium()
  ending.push(() => browser.close())
  const { url } = await serve('gateway-node.mjs', { REDIS_URL: 'memory:' })
  const context = await browser.newContext()
  context.setDefaultTimeout(10_000)
  const pages = [await context.newPage(), await context.newPage()]
  const complaints: string[] = []
  for (const page of pages) {
    page.on('pageerror', (error) => complaints.push(String(error)))
    await page.goto(url)
    await page.getByText('connected,').waitFor()
  }
  await pages[0]!.getByText('Order something').click()
  for (const page of pages) {
    await page.getByText(/^1: ORD-/).waitFor()
    await page.locator('#unread', { hasText: '1' }).waitFor()
  }
  await pages[1]!.getByText('Mark all as read').click()
  for (const page of pages) await page.locator('#unread', { hasText: '0' }).waitFor()
  expect(complaints).toEqual([])
}, 240_000)
