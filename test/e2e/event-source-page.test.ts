import { readFileSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { eventSourceRoutes } from '../../src/gateway/streams/event-source-routes.ts'
import { launchChromium } from '../support/chromium.ts'
import { eventually } from '../support/eventually.ts'
import { openGateway, upTo } from '../support/gateway.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

const PAGE = new URL('../../examples/plain-event-source.html', import.meta.url)
const secret = 'a secret of thirty-two bytes at the least'

let browser: Browser
beforeAll(async () => {
  browser = await launchChromium()
}, 240_000)
afterAll(() => browser.close())

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

const texts = (page: Page) => page.locator('li').allTextContents()

test("the example page, with the browser's own EventSource: cut twice, nothing is missing and nothing comes twice", async () => {
  const { port, bus, gatekeeper, gateway, close } = await openGateway({
    connection: { redis: `memory:${Date.now()}` },
    routes: (node) => [
      ...eventSourceRoutes(node, { secret, retryMs: 50 }),
      {
        method: 'GET',
        path: '/page',
        handle: () => new Response(readFileSync(PAGE), { headers: { 'content-type': 'text/html' } }),
      },
    ],
  })
  ending.push(close)
  const proxy = await TcpProxy.to(port)
  ending.push(() => proxy.close())
  await bus.policies.apply({ 'order.*': { history: { maxCount: 1_000 } } })
  gatekeeper.expiresAtMs = Date.now() + 600_000
  const context = await browser.newContext()
  ending.push(() => context.close())
  const page = await context.newPage()
  await page.goto(`http://127.0.0.1:${proxy.port}/page`)
  await page.getByLabel('Token').fill('user:ada')
  await page.getByRole('button', { name: 'Listen' }).click()
  await page.getByText('Connected.', { exact: true }).waitFor()
  const expected: string[] = []
  const publish = async (n: number) => {
    await bus.publisher.publish('order.created', n)
    expected.push(`order.created: ${n}`)
  }
  for (const n of upTo(3)) await publish(n)
  await eventually(async () => expect(await texts(page)).toEqual(expected))
  for (const cut of upTo(2)) {
    await proxy.down()
    await eventually(() => expect(gateway.node.clients).toBe(0))
    for (const n of upTo(3 + 20 * cut, 4 + 20 * (cut - 1))) await publish(n)
    await proxy.up()
    await eventually(async () => expect(await texts(page)).toEqual(expected), 20_000)
  }
  await gateway.node.control.send({ kind: 'disconnect', userId: 'ada', reason: 'enough' })
  await page.getByText('Disconnected: force disconnect.').waitFor()
}, 60_000)
