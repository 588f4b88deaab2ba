import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'

/** Pictures of the page, to be looked at. */
const PICTURES = join(tmpdir(), 'tidings-start-page')

/** The text of each element that matches. */
export const texts = (page: Page, selector: string): Promise<string[]> => page.locator(selector).allTextContents()
export const picture = (page: Page, name: string): Promise<Buffer> =>
  page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true, animations: 'disabled' })

export async function sendEvent(
  page: Page,
  type: string,
  data: unknown,
  how: 'append' | 'emit' = 'append',
): Promise<void> {
  await page.getByLabel('Type').first().fill(type)
  await page.getByLabel('Data, as JSON').fill(JSON.stringify(data))
  await page.locator(`input[name=how][value=${how}]`).check()
  await page.getByRole('button', { name: 'Send event' }).click()
}

export async function sendNotification(page: Page, title: string, to?: string): Promise<void> {
  await page.locator(`input[name=to][value=${to === undefined ? 'everybody' : 'user'}]`).check()
  if (to !== undefined) await page.getByLabel('User', { exact: true }).fill(to)
  await page.getByLabel('Title').fill(title)
  await page.getByRole('button', { name: 'Send notification' }).click()
}

/** The unread notifications that the page counts, and those that it shows. */
export const unread = async (page: Page): Promise<[string | null, number]> => [
  await page.locator('#unread').textContent(),
  await page.locator('#inbox > li.unread').count(),
]
