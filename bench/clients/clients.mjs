/**
 * The arms by name. Each is loaded only in the process that measures it.
 *
 * @type {Record<string, () => Promise<Partial<import('./contract.mjs').Client>>>}
 */
export const clients = {
  tidings: () => import('./tidings.mjs').then((module) => module.tidings),
  ioredis: () => import('./ioredis.mjs').then((module) => module.plain),
  'ioredis-auto': () => import('./ioredis.mjs').then((module) => module.autoPipelining),
  'tidings-append': () => import('./logged.mjs').then((module) => module.append),
  'tidings-logged': () => import('./logged.mjs').then((module) => module.append),
  'tidings-emit': () => import('./logged.mjs').then((module) => module.emit),
  'node-redis': () => import('./node-redis.mjs').then((module) => module.nodeRedis),
}
