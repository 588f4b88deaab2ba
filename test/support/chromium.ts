import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { installDebian } from './debian.ts'

/** Where Debian has it. */
const PATH = '/usr/bin/chromium'

/** Starts a browser, which is installed where it is missing. `CHROMIUM` names another one. To be closed at the end. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? PATH
  if (executablePath === PATH && !existsSync(PATH)) {
    installDebian(['chromium', 'fonts-dejavu-core'], 'Tests of pages run in Chromium.')
  }
  return chromium.launch({
    executablePath,
    // Chromium has no sandbox for root, which is who runs tests in a container.
    chromiumSandbox: process.getuid?.() !== 0,
    args: ['--disable-dev-shm-usage'],
  })
}
