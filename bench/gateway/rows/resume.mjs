import { Arena } from '../arena.mjs'

const CLIENTS = 5_000
const CALIBRATION = 50
const PER_SECOND = 5
const MISSED = 100

/** @type {import('./row.mjs').Row} */
export const resumeRow = {
  name: 'resume',
  title: '5,000 clients of a node that is killed go on at another',
  findings: [
    { name: 'all resumed, nobody missing a message', unit: 's', goal: '≤ 30 s', own: 'anonymous s', atMost: 30 },
    { name: 'the same, each a user of its own', unit: 's', goal: '≤ 30 s', own: 'users s', atMost: 30 },
    {
      name: 'Redis commands per client',
      unit: '',
      goal: '< 1',
      own: 'anonymous commands per client',
      atMost: 0.999,
    },
    { name: 'the same, each a user of its own', unit: '', goal: '', own: 'users commands per client' },
  ],
  async run({ quick }) {
    const clients = quick ? CLIENTS / 5 : CLIENTS
    return { ...(await resume(clients, false)), ...(await resume(clients, true)) }
  },
}

/** @param {number} clients @param {boolean} users */
async function resume(clients, users) {
  const arena = await Arena.open('tidings', { clients: 'returners' })
  const { redis, publisher, clients: returners, servers, ports } = arena
  try {
    await publisher.call('keep')
    await publisher.call('append', 1)
    await returners.call('connect', ports[0], clients, users)
    // What one append costs by itself is not the clients' doing.
    await redis.admin.config('RESETSTAT')
    await publisher.call('append', CALIBRATION)
    const each = await commandsOf(redis)
    for (const [name, count] of each) each.set(name, count / CALIBRATION)
    await returners.call('upTo', 1 + CALIBRATION)

    await returners.call('moveTo', ports[1])
    await redis.admin.config('RESETSTAT')
    const start = performance.now()
    await servers.shift()?.kill()
    await publisher.call('append', MISSED)
    await publisher.call('goOn', PER_SECOND)
    await returners.call('recovered')
    const count = MISSED + (await publisher.call('stop'))
    await returners.call('upTo', 1 + CALIBRATION + count)
    const seconds = (performance.now() - start) / 1e3

    const all = await commandsOf(redis)
    let own = 0
    /** @type {[string, number][]} */
    const list = []
    for (const [name, calls] of all) {
      const left = Math.round(calls - count * (each.get(name) ?? 0))
      if (left <= 0) continue
      own += left
      list.push([name, left])
    }
    const kind = users ? 'users' : 'anonymous'
    process.stderr.write(
      `  ${kind}: ${list
        .sort((a, b) => b[1] - a[1])
        .map(([name, calls]) => `${name} ${calls}`)
        .join(', ')}\n`,
    )
    return { [`${kind} s`]: seconds, [`${kind} commands`]: own, [`${kind} commands per client`]: own / clients }
  } finally {
    await arena.close()
  }
}

/** How often each command was called, those of this runner left out. @param {import('../../redis-server.mjs').RedisServer} redis */
async function commandsOf(redis) {
  const info = await redis.admin.info('commandstats')
  /** @type {Map<string, number>} */
  const counts = new Map()
  for (const [, name = '', calls] of info.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)) {
    if (name !== 'info' && !name.startsWith('config')) counts.set(name, Number(calls))
  }
  return counts
}
