import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { installDebian } from './debian.ts'

/** Where the distribution's python3 is: the one for which python3-redis is packaged. */
const PYTHON = '/usr/bin/python3'

/** What single tests need beside, and where it is: installed here, once, rather than by tests beside each other. */
const PROGRAMS: readonly (readonly [path: string, packages: readonly string[]])[] = [
  ['/usr/bin/chromium', ['chromium', 'fonts-dejavu-core']],
  ['/usr/sbin/nginx', ['nginx-light']],
  ['/usr/bin/caddy', ['caddy']],
  ['/usr/bin/tcc', ['tcc']],
]

function works(command: string, args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

/** Makes sure that the programs the tests run against are there: redis-server ≥ 7, redis-cli, redis-py and more. */
export default function setup(): void {
  const server = process.env.REDIS_SERVER ?? 'redis-server'
  if (!works(server, ['--version'])) {
    if (process.env.REDIS_SERVER) throw new Error(`REDIS_SERVER is ${server}, which does not run.`)
    installDebian(['redis-server', 'redis-tools'], 'The tests need redis-server 7 or newer.')
  }
  const major = Number(/v=(\d+)/.exec(spawnSync(server, ['--version'], { encoding: 'utf8' }).stdout)?.[1])
  if (!(major >= 7)) throw new Error(`The tests need redis-server 7 or newer; ${server} is ${major}.`)
  if (!works('redis-cli', ['--version'])) installDebian(['redis-tools'], 'The tests need redis-cli.')
  if (!works('openssl', ['version'])) installDebian(['openssl'], 'The tests make TLS certificates with openssl.')
  if (!works(PYTHON, ['-c', 'import redis'])) {
    installDebian(['python3', 'python3-redis'], 'The tests talk to Python programs that use redis-py.')
  }
  const missing = PROGRAMS.filter(([path]) => !existsSync(path)).flatMap(([, packages]) => packages)
  if (missing.length > 0) installDebian(missing, 'Some tests use a browser, proxies, and a small C compiler.')
}
