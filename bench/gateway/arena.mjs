import { RedisServer } from '../redis-server.mjs'
import { Worker } from './worker.mjs'

/** @typedef {import('./load/protocols.mjs').Arm} Arm */

const clientsOf = { crowd: 'load/crowd.mjs', returners: 'load/returners.mjs' }

/** Servers of one kind on a Redis of their own, somebody who publishes, and clients: all new. */
export class Arena {
  /** @type {Worker[]} */
  servers = []
  /** @type {number[]} */
  ports = []
  /**
   * Clients beside those that are timed.
   *
   * @type {Worker | undefined}
   */
  others

  /** @param {Arm} arm @param {RedisServer} redis @param {Worker} publisher @param {Worker} clients */
  constructor(arm, redis, publisher, clients) {
    this.arm = arm
    this.redis = redis
    this.publisher = publisher
    this.clients = clients
  }

  /**
   * @param {Arm} arm
   * @param {{ nodes?: number, clients?: keyof typeof clientsOf, profile?: string | undefined }} [options] `profile`: a folder
   */
  static async open(arm, { nodes = 2, clients = 'crowd', profile } = {}) {
    const redis = await RedisServer.start()
    const [publisher, crowd, ...servers] = await Promise.all([
      Worker.start('publisher.mjs', [arm, redis.url]),
      Worker.start(clientsOf[clients], [arm]),
      ...Array.from({ length: nodes }, () => Worker.start(`servers/${arm}.mjs`, [redis.url], profile)),
    ])
    const arena = new Arena(arm, redis, publisher, crowd)
    arena.servers = servers
    arena.ports = await Promise.all(servers.map((server) => server.call('port')))
    return arena
  }

  /**
   * CPU microseconds of all servers while something runs: their own, and the kernel's for them.
   *
   * @param {() => Promise<void>} run
   */
  async cpuUs(run) {
    const spent = async () => {
      const each = await Promise.all(this.servers.map((server) => server.call('cpuUs')))
      const sum = (/** @type {'user' | 'system'} */ of) => each.reduce((total, usage) => total + usage[of], 0)
      return { user: sum('user'), system: sum('system') }
    }
    const before = await spent()
    await run()
    const { user, system } = await spent()
    return { user: user - before.user, system: system - before.system }
  }

  /**
   * Publishes so many at once and waits until every client has got each: milliseconds from the first to the last delivery.
   *
   * @param {number} messages
   */
  async burst(messages) {
    await this.clients.call('expect', messages, false)
    const [startNs, { atNs }] = await Promise.all([
      this.publisher.call('burst', messages),
      this.clients.call('finished'),
    ])
    return Number(BigInt(atNs) - BigInt(startNs)) / 1e6
  }

  /**
   * Connects clients of which one in so many is timed, evenly spread. The others read now and then, and only when nobody
   * else needs the processor: on a network they would not share it with the servers.
   *
   * @param {number} total @param {number} oneIn
   */
  async connectSome(total, oneIn) {
    this.others = await Worker.start(clientsOf.crowd, [this.arm])
    const nodes = this.ports.length
    for (let made = 0; made < total; made += nodes * oneIn) {
      await this.others.call('connect', this.ports, nodes * (oneIn - 1))
      await this.clients.call('connect', this.ports, nodes)
    }
    await this.others.call('readSeldom')
  }

  /**
   * Publishes by a schedule: the microseconds that each timed delivery took since its message was due, in order.
   *
   * @param {number} perSecond @param {number} messages
   */
  async schedule(perSecond, messages) {
    await this.others?.call('expect', messages, false)
    await this.clients.call('expect', messages, true)
    const [, { ages }] = await Promise.all([
      this.publisher.call('scheduled', perSecond, messages),
      this.clients.call('finished'),
      this.others?.call('finished'),
    ])
    return Float64Array.from(ages).sort()
  }

  async close() {
    await this.clients.kill()
    await this.others?.kill()
    await this.publisher.kill()
    await Promise.all(this.servers.map((server) => server.end()))
    await this.redis.stop()
  }
}

/** @param {Float64Array} sorted @param {number} share */
export function at(sorted, share) {
  return /** @type {number} */ (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))])
}
