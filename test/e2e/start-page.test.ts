import axe from 'axe-core'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { launchChromium } from '../support/chromium.ts'
import { eventually } from '../support/eventually.ts'
import { picture, sendEvent, sendNotification, texts, unread } from '../support/page-actions.ts'
import { type StartPage, serveStartPage } from '../support/start-page.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchChromium()
}, 240_000)
afterAll(() => browser.close())

let served: StartPage
const contexts: BrowserContext[] = []
/** What the browser had to complain about, the content security policy included. */
const complaints: string[] = []

beforeEach(async () => {
  served = await serveStartPage()
})
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close()
  await served.close()
  expect(complaints.splice(0)).toEqual([])
})

async function open(user = 'ada', options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1360, height: 960 }, ...options })
  context.setDefaultTimeout(10_000)
  contexts.push(context)
  return tab(context, user)
}

async function tab(context: BrowserContext, user: string): Promise<Page> {
  const page = await context.newPage()
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  await page.goto(`${served.url}?user=${user}`)
  await page.getByText('Connected', { exact: true }).waitFor()
  return page
}

test('an event that is appended arrives, with the position that its sender was told', async () => {
  const page = await open()
  await sendEvent(page, 'order.created', { orderId: 'ORD-7' })
  await page.locator('#events > li').waitFor()
  expect(await texts(page, '#events .type')).toEqual(['order.created'])
  expect(await texts(page, '#events .data')).toEqual(['{"orderId":"ORD-7"}'])
  const [position] = await texts(page, '#events .position')
  expect(position).toMatch(/^at 1-\d+@[0-9a-z]+$/)
  await page.getByText(`Kept ${position}.`).waitFor()
})

test('events of a type that nobody had listened to arrive too, and newer ones come first', async () => {
  const page = await open()
  await sendEvent(page, 'parcel.scanned', { at: 'Hamburg' }, 'emit')
  await page.locator('#events > li').waitFor()
  await served.bus.emit('parcel.scanned', { at: 'Berlin' })
  await eventually(async () => {
    expect(await texts(page, '#events .data')).toEqual(['{"at":"Berlin"}', '{"at":"Hamburg"}'])
  })
  expect(await texts(page, '#listening .chip')).toContain('parcel.scanned')
})

test('what cannot be sent is said beside the button', async () => {
  const page = await open()
  await page.getByLabel('Data, as JSON').fill('{ not JSON')
  await page.getByRole('button', { name: 'Send event' }).click()
  await page.locator('#event-result.failed').getByText('The data is not JSON').waitFor()
  expect(await page.evaluate('document.activeElement.id')).toBe('event-data')
  expect(await page.locator('#events > li').count()).toBe(0)
})

test('after a break it shows what was missed, once and in order, and the notification too', {
  timeout: 60_000,
}, async () => {
  const page = await open()
  await page.getByRole('button', { name: 'Break the connection' }).click()
  await page.locator('#state[data-state=connecting]').waitFor()
  await page.locator('#missed > li').nth(3).waitFor()
  expect(await texts(page, '#missed > li > span:last-child')).toEqual(Array(4).fill('on its way'))
  expect(await page.locator('#events > li').count()).toBe(0)
  await picture(page, 'broken')
  await page.locator('#verdict').getByText('nothing is missing').waitFor({ timeout: 30_000 })
  expect(await page.locator('#verdict.failed').count()).toBe(0)
  await page.locator('#state[data-state=connected]').waitFor()
  expect(await texts(page, '#missed > li > span:last-child')).toEqual(Array(6).fill('✓ here'))
  const orders = (await texts(page, '#events .data')).map((data) => JSON.parse(data).orderId)
  expect(orders).toEqual(['ORD-2005', 'ORD-2004', 'ORD-2003', 'ORD-2002', 'ORD-2001'])
  expect(await texts(page, '#events .mark')).toEqual(Array(5).fill('caught up'))
  expect(await texts(page, '#inbox .title')).toEqual(['Sent while you were away'])
  await picture(page, 'recovered')
})

test('what has not come back is not called complete', { timeout: 60_000 }, async () => {
  const page = await open()
  await page.getByRole('button', { name: 'Break the connection' }).click()
  await page.locator('#missed > li').nth(5).waitFor()
  // The log is cut behind the reader's back, as by a Redis that has lost its data.
  await served.bus.policies.apply({ 'order.*': { history: { maxCount: 1 } } })
  await served.bus.append('order.created', { orderId: 'the last' })
  await page.locator('#verdict.failed').getByText('no longer kept').waitFor({ timeout: 30_000 })
  expect(await texts(page, '#events .gap')).toHaveLength(1)
})

test('what is read in one tab is read in the others of its user, and in no other', async () => {
  const [one, other] = [await open('ada'), await open('grace')]
  const two = await tab(one.context(), 'ada')
  await one.bringToFront()
  await sendNotification(one, 'For Ada', 'ada')
  await sendNotification(one, 'For all')
  for (const page of [one, two]) await eventually(async () => expect(await unread(page)).toEqual(['2 unread', 2]))
  await eventually(async () => expect(await unread(other)).toEqual(['1 unread', 1]))
  expect(await texts(two, '#inbox .title')).toEqual(['For all', 'For Ada'])
  await two.bringToFront()
  await two.getByRole('button', { name: 'Mark read: For Ada' }).click()
  for (const page of [one, two]) await eventually(async () => expect(await unread(page)).toEqual(['1 unread', 1]))
  expect(await texts(one, '#inbox > li.unread .title')).toEqual(['For all'])
  await one.bringToFront()
  await one.getByRole('button', { name: 'Mark all read' }).click()
  for (const page of [one, two]) await eventually(async () => expect(await unread(page)).toEqual(['0 unread', 0]))
  await two.bringToFront()
  await two.getByRole('button', { name: 'Mark unread: For Ada' }).click()
  await eventually(async () => expect(await unread(one)).toEqual(['1 unread', 1]))
  expect(await unread(other)).toEqual(['1 unread', 1])
  await one.reload()
  await eventually(async () => expect(await unread(one)).toEqual(['1 unread', 1]))
})

test('what was sent is shown as text, whatever it is', async () => {
  const page = await open()
  const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
  await sendEvent(page, 'order.created', { evil })
  await sendNotification(page, evil, 'ada')
  await page.locator('#events > li').waitFor()
  await page.locator('#inbox > li').waitFor()
  expect(await texts(page, '#events .data')).toEqual([JSON.stringify({ evil })])
  expect(await texts(page, '#inbox .title')).toEqual([evil])
  expect(await page.locator('#arrives img, #arrives script').count()).toBe(0)
})

test.each([360, 768, 1024])('nothing scrolls sideways at %i pixels', async (width) => {
  const page = await open('ada', { viewport: { width, height: 740 } })
  await sendEvent(page, `order.${'x'.repeat(120)}`, { long: 'y'.repeat(500) })
  await sendNotification(page, 'z'.repeat(200), 'ada')
  await page.locator('#events > li').waitFor()
  await page.locator('#inbox > li').waitFor()
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
  const wide = `[...document.querySelectorAll('body *')]
    .filter((one) => !one.closest('.unseen, .skip') && one.getBoundingClientRect().right > ${width} + 0.5).map((one) => one.outerHTML)`
  expect(await page.evaluate(wide)).toEqual([])
  await picture(page, `${width}-pixels`)
})

test.each(['light', 'dark'] as const)('axe finds nothing to object to, %s', async (colorScheme) => {
  const page = await open('ada', { colorScheme })
  for (const type of ['info', 'success', 'warning', 'error'] as const) {
    await served.notifications.sendToUser('ada', { type, title: `A ${type}`, message: 'Something was said.' })
  }
  await eventually(async () => expect(await unread(page)).toEqual(['4 unread', 4]))
  await page.getByRole('button', { name: 'Mark read: A success' }).click()
  await sendNotification(page, 'For all')
  await sendEvent(page, 'order.created', { orderId: 'ORD-7', total: 99.99 })
  await sendEvent(page, 'stock.low', { item: 'Lamp', left: 2 }, 'emit')
  await eventually(async () => expect(await texts(page, '#events .type')).toHaveLength(2))
  await eventually(async () => expect(await unread(page)).toEqual(['4 unread', 4]))
  for (let left = 20; left > 0; left -= 1) await served.bus.emit('stock.low', { item: 'Lamp', left })
  await eventually(async () => expect(await texts(page, '#events .type')).toHaveLength(22))
  await picture(page, colorScheme)
  await page.evaluate(axe.source)
  const { violations } = (await page.evaluate('axe.run()')) as {
    violations: { id: string; nodes: { html: string }[] }[]
  }
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([])
})

test('it is dark for who wants it dark', async () => {
  const lightness = async (colorScheme: 'light' | 'dark') => {
    const page = await open('ada', { colorScheme })
    const colour = (await page.evaluate('getComputedStyle(document.body).backgroundColor')) as string
    return Math.max(...colour.match(/\d+/g)!.map(Number))
  }
  expect(await lightness('dark')).toBeLessThan(64)
  expect(await lightness('light')).toBeGreaterThan(224)
})

test('everything can be done with the keyboard, and one sees where one is', async () => {
  const page = await open()
  await served.notifications.sendToUser('ada', { type: 'info', title: 'Hello', message: '' })
  await page.locator('#inbox > li').waitFor()
  const press = (...keys: string[]) =>
    keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve())
  const focused = () =>
    page.evaluate('document.activeElement.id || document.activeElement.textContent') as Promise<string>

  await press('Tab')
  expect(await focused()).toBe('Skip to what arrives')
  await press('Enter', 'Tab')
  expect(await focused()).toBe('break')

  await page.reload()
  await page.locator('#inbox > li').waitFor()
  const stops: string[] = []
  for (;;) {
    await press('Tab')
    if ((await page.evaluate('document.activeElement === document.body')) || stops.length > 40) break
    stops.push(await focused())
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'), stops.at(-1)!).toBe('solid')
  }
  expect(stops).toEqual(expect.arrayContaining(['user', 'event-type', 'event-data', 'to-user', 'break', 'read-all']))
  expect(stops.at(-1)).toBe('Mark read')

  await page.locator('#event-type').focus()
  await press('Enter')
  await page.locator('#events > li').waitFor()
  await page.getByRole('button', { name: 'Mark read: Hello' }).focus()
  await press('Space')
  await eventually(async () => expect(await unread(page)).toEqual(['0 unread', 0]))
  expect(await focused(), 'the focus stays').toBe('Mark unread')
})

test('those who hear the page are told what arrives', async () => {
  const page = await open()
  await served.bus.append('order.created', null)
  await page.getByRole('status').getByText('Event order.created arrived').waitFor({ state: 'attached' })
  await served.notifications.sendToUser('ada', { type: 'info', title: 'Hello', message: 'Ada' })
  await page.getByRole('status').getByText('Notification, info: Hello. Ada').waitFor({ state: 'attached' })
})
