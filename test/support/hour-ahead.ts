import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installDebian } from './debian.ts'

/** The environment in which a redis-server believes that it is an hour later; and what removes its traces. */
export function hourAhead(): { env: Record<string, string>; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'tidings-clock-'))
  const library = join(dir, 'hour-ahead.so')
  const source = fileURLToPath(new URL('hour-ahead.c', import.meta.url))
  const compile = () => spawnSync('tcc', ['-shared', '-nostdlib', '-o', library, source]).status === 0
  if (!compile()) {
    installDebian(['tcc'], 'A test runs a server whose clock is wrong; a small C compiler makes that.')
    if (!compile()) throw new Error('tcc does not compile hour-ahead.c')
  }
  return { env: { LD_PRELOAD: library }, remove: () => rmSync(dir, { recursive: true }) }
}
