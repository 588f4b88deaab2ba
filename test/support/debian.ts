import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs'

const POLICY = '/usr/sbin/policy-rc.d'

/**
 * Installs packages of Debian or Ubuntu where this user may, without starting the services they bring
 * (policy-rc.d is Debian's own switch for that). Says what to install where it may not.
 */
export function installDebian(packages: readonly string[], why: string): void {
  const advice = `${why} Install it with: sudo apt-get install ${packages.join(' ')}`
  const root = process.getuid?.() === 0
  const sudo = !root && spawnSync('sudo', ['-n', 'true']).status === 0
  if (!existsSync('/usr/bin/apt-get') || !(root || sudo)) throw new Error(advice)
  const run = (command: string, args: string[]) =>
    root
      ? execFileSync(command, args, { stdio: 'pipe', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
      : execFileSync('sudo', ['-n', 'DEBIAN_FRONTEND=noninteractive', command, ...args], { stdio: 'pipe' })
  console.log(`Installing ${packages.join(', ')} (${why})`)
  const holdServices = root && !existsSync(POLICY)
  try {
    if (holdServices) {
      writeFileSync(POLICY, '#!/bin/sh\nexit 101\n')
      chmodSync(POLICY, 0o755)
    }
    run('apt-get', ['update'])
    run('apt-get', ['install', '-y', '--no-install-recommends', ...packages])
  } catch (error) {
    throw new Error(advice, { cause: error })
  } finally {
    if (holdServices) rmSync(POLICY, { force: true })
  }
}
