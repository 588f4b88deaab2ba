/**
 * The arms by name. Each is loaded only in the process that measures it.
 *
 * @type {Record<string, () => Promise<import('./contract.mjs').Client>>}
 */
export const clients = {
  tidings: () => import('./tidings.mjs').then((module) => module.tidings),
  ioredis: () => import('./ioredis.mjs').then((module) => module.plain),
  'ioredis-auto': () => import('./ioredis.mjs').then((module) => module.autoPipelining),
  'node-redis': () => import('./node-redis.mjs').then((module) => module.nodeRedis),
}
