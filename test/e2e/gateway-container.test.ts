import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { freePort, RedisServer } from '../support/redis-server.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FILE = readFileSync(join(ROOT, 'deploy/Dockerfile'), 'utf8').replaceAll('\\\n', ' ')
/** What is in the image, and what is run there. */
const LAST = FILE.slice(FILE.lastIndexOf('\nFROM '))

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

/** The words of an instruction in JSON. */
function words(instruction: RegExp): string[] {
  return JSON.parse(instruction.exec(LAST)![1]!) as string[]
}

/** A folder with just what is copied into the image, and of the dependencies those that are not for development. */
function image(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-image-'))
  ending.push(() => rmSync(folder, { recursive: true }))
  const copied = [...LAST.matchAll(/^COPY --from=build \/build\/(\S+) (\S+)$/gm)].map(([, from, to]) => [from!, to!])
  expect(copied.map(([from]) => from)).toEqual(['package.json', 'node_modules', 'dist'])
  for (const [from, to] of copied) {
    if (from !== 'node_modules')
      cpSync(join(ROOT, from!), join(folder, to!.endsWith('/') ? from! : to!), { recursive: true })
  }
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>
  }
  for (const [path, { dev = false }] of Object.entries(packages)) {
    const isNested = path.lastIndexOf('node_modules/') > 0
    if (path === '' || dev || isNested || !existsSync(join(ROOT, path))) continue
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    symlinkSync(join(ROOT, path), join(folder, path))
  }
  return folder
}

interface Container {
  readonly child: ChildProcess
  /** What the image's HEALTHCHECK ends with. */
  health(): number | null
}

async function run(redis: string, settings: object): Promise<Container> {
  const folder = image()
  writeFileSync(join(folder, 'tidings.config.mjs'), `export default ${JSON.stringify(settings)}`)
  const [program, ...args] = [...words(/^ENTRYPOINT (.*)$/m), ...words(/^CMD (.*)$/m)]
  expect(program).toBe('node')
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    // Links are what the image has as folders.
    NODE_OPTIONS: '--preserve-symlinks',
    PORT: String(await freePort()),
    REDIS_URL: redis,
    TIDINGS_TOKEN_SECRET: 'a secret that only tests know, and long enough',
  }
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] })
  ending.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const [, ...check] = words(/CMD (\["node", "-e",.*\])$/m)
  return { child, health: () => spawnSync(process.execPath, check, { env, cwd: folder }).status }
}

test('what the Dockerfile puts into the image runs there, reads its configuration, and knows how it is', {
  timeout: 60_000,
}, async () => {
  const redis = await RedisServer.start()
  ending.push(() => redis.stop())
  const { child, health } = await run(redis.url, { channels: { 'events:*': { subscribe: 'authenticated' } } })
  let text = ''
  child.stdout!.on('data', (chunk) => {
    text += String(chunk)
  })
  await eventually(() => expect(health()).toBe(0), 15_000)
  await eventually(() => expect(text).toContain('http://0.0.0.0:'))
  redis.pause()
  await eventually(() => expect(health()).toBe(1), 15_000)
  redis.resume()
  await eventually(() => expect(health()).toBe(0), 15_000)
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(health()).toBe(1)
})

test('the image is built from the lock file, and what is built is not what lies about', () => {
  const ignored = readFileSync(join(ROOT, 'deploy/Dockerfile.dockerignore'), 'utf8').split('\n')
  expect(ignored).toEqual(expect.arrayContaining(['.git', '**/node_modules', 'dist']))
  expect(FILE).toMatch(/^RUN npm ci /m)
  expect(LAST).toMatch(/^USER node$/m)
  // Both stages are of one Node, on which the package runs.
  const versions = [...FILE.matchAll(/^FROM node:(\d+)-slim/gm)].map(([, version]) => Number(version))
  const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { engines: { node: string } }
  expect(new Set(versions).size).toBe(1)
  expect(versions[0]).toBeGreaterThanOrEqual(Number.parseInt(engines.node.replace('>=', ''), 10))
})
