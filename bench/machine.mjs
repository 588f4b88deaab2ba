import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { RedisServer } from './redis-server.mjs'

/** @param {string} path from this folder */
function versionOf(path) {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version
}

/** What the figures depend on, without a word about whose machine it is. */
export async function describeMachine() {
  const cores = cpus()
  const server = await RedisServer.start()
  const redis = await server.version()
  await server.stop()
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    node: process.versions.node,
    redis,
    tidings: versionOf('../package.json'),
    ioredis: versionOf('node_modules/ioredis/package.json'),
    nodeRedis: versionOf('node_modules/redis/package.json'),
  }
}
