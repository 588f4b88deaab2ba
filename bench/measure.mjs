import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { prepareFeed } from './feed.mjs'
import { encodeLoad, pump } from './load.mjs'
import { endPayload, payload } from './payload.mjs'
import { RedisServer } from './redis-server.mjs'
import { Witness } from './witness.mjs'
import { CHANNEL as PUBLISH_CHANNEL } from './workloads/publish.mjs'
import { channelOf } from './workloads/receive.mjs'

/**
 * What one arm did in one round.
 *
 * @typedef {object} Sample
 * @property {number} perSecond messages a second, the secondary figure
 * @property {number} clientUs CPU microseconds for each message in the measured process
 * @property {number} redisUs CPU microseconds for each message in Redis
 * @property {number} [p50Us] median time of one call, in microseconds
 * @property {number} [p99Us]
 *
 * @typedef {Omit<import('./workloads/publish.mjs').PublishJob, 'url'>} PublishJob
 * @typedef {Omit<import('./workloads/receive.mjs').ReceiveJob, 'url'>} ReceiveJob
 * @typedef {Omit<import('./workloads/log.mjs').LogJob, 'url'>} LogJob
 * @typedef {Omit<import('./workloads/inbox.mjs').InboxJob, 'url'>} InboxJob
 * @typedef {PublishJob | ReceiveJob | LogJob | InboxJob} Job
 * @typedef {import('./workloads/publish.mjs').ClientSample} ClientSample
 */

const ARM = fileURLToPath(new URL('./arm.mjs', import.meta.url))
/** An arm that has not finished by then has lost a message, or hangs. */
const DEADLINE_MS = 180_000
/** A client that takes longer to close hangs. */
const CLOSE_DEADLINE_MS = 10_000

/**
 * Runs one arm once, in a new process and against a new Redis: a Redis that once held thousands of patterns stays slow
 * at every PUBLISH after they are gone.
 *
 * @param {Job} job @param {string} [profileDir] where the arm's process shall leave a CPU profile
 * @returns {Promise<Sample>}
 */
export async function measure(job, profileDir) {
  const server = await RedisServer.start()
  const profile = [
    '--cpu-prof',
    `--cpu-prof-dir=${profileDir}`,
    `--cpu-prof-name=${job.client}-${Date.now()}.cpuprofile`,
  ]
  const arm = new Arm(profileDir === undefined ? [] : profile)
  try {
    arm.send({ ...job, url: server.url })
    const sample = await measureJob(server, arm, job)
    await arm.ended()
    return sample
  } catch (error) {
    throw new Error(`The arm failed: ${JSON.stringify(job)}`, { cause: error })
  } finally {
    arm.kill()
    await server.stop()
  }
}

/** @param {RedisServer} server @param {Arm} arm @param {Job} job */
function measureJob(server, arm, job) {
  if (job.workload === 'publish') return measurePublish(server, arm, job)
  return job.workload === 'receive' ? measureReceive(server, arm, job) : measureLog(server, arm, job)
}

/** The arm checks what it reads by itself. @param {RedisServer} server @param {Arm} arm @param {LogJob | InboxJob} job */
async function measureLog(server, arm, { total }) {
  await arm.told('ready')
  const before = await server.cpuUs()
  arm.send('go')
  const sample = /** @type {ClientSample} */ (await arm.told('result'))
  return sampleOf(sample, total, (await server.cpuUs()) - before)
}

/** @param {RedisServer} server @param {Arm} arm @param {PublishJob} job */
async function measurePublish(server, arm, { total }) {
  const witness = await Witness.subscribe(server.port, PUBLISH_CHANNEL)
  try {
    await arm.told('ready')
    const before = await server.cpuUs()
    arm.send('go')
    const sample = /** @type {ClientSample} */ (await arm.told('result'))
    const after = await server.cpuUs()
    await witness.verify(total)
    return sampleOf(sample, total, after - before)
  } finally {
    witness.close()
  }
}

/** @param {RedisServer} server @param {Arm} arm @param {ReceiveJob} job */
async function measureReceive(server, arm, { size, patterns, total, warmUp, through }) {
  const warming = prepare(server, messages(size, patterns, warmUp), through)
  const load = prepare(server, messages(size, patterns, total), through)
  await arm.told('subscribed')
  await warming()
  await arm.told('ready')
  const before = await server.cpuUs()
  arm.send('go')
  await arm.told('started')
  await load()
  const sample = /** @type {ClientSample} */ (await arm.told('result'))
  const after = await server.cpuUs()
  return sampleOf(sample, total, after - before)
}

/**
 * Messages that are ready to go.
 *
 * @param {RedisServer} server @param {Iterable<{ channel: string, text: string }>} load @param {ReceiveJob['through']} through
 */
function prepare(server, load, through) {
  if (through !== undefined) return prepareFeed(server.url, [...load], through)
  const chunks = encodeLoad(load)
  return () => pump(server.port, chunks)
}

/** @param {'short' | 'long'} size @param {number} patterns @param {number} total */
function* messages(size, patterns, total) {
  for (let index = 0; index < total; index += 1)
    yield { channel: channelOf(index, patterns), text: payload(size, index) }
  yield { channel: channelOf(total, patterns), text: endPayload() }
}

/** @param {ClientSample} sample @param {number} total @param {number} redisUs @returns {Sample} */
function sampleOf({ elapsedMs, ...rest }, total, redisUs) {
  return { perSecond: total / (elapsedMs / 1e3), redisUs: redisUs / total, ...rest }
}

/** The process of one arm, as the runner sees it. */
class Arm {
  #process
  /** @type {Map<string, unknown>} */
  #told = new Map()
  /** @type {() => void} */
  #news = () => {}
  /** @type {Error | undefined} */
  #failure

  /** @param {readonly string[]} nodeOptions */
  constructor(nodeOptions) {
    this.#process = fork(ARM, { execArgv: ['--expose-gc', ...nodeOptions] })
    this.#process.on('message', (message) => {
      for (const [name, value] of Object.entries(message)) {
        if (name === 'failed') this.#failure ??= new Error(String(value))
        else this.#told.set(name, value)
      }
      this.#news()
    })
    this.#process.on('exit', (code, signal) => {
      this.#failure ??= new Error(`The arm's process ended early (${signal ?? code}).`)
      this.#news()
    })
  }

  /** @param {any} message */
  send(message) {
    this.#process.send(message)
  }

  /** Resolves to what the arm said under this name. @param {string} name @returns {Promise<unknown>} */
  told(name) {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(
        () => reject(new Error(`The arm was not ${name} in time: messages were lost.`)),
        DEADLINE_MS,
      )
      this.#news = () => {
        if (!this.#told.has(name) && !this.#failure) return
        clearTimeout(deadline)
        this.#news = () => {}
        if (this.#told.has(name)) resolve(this.#told.get(name))
        else reject(this.#failure)
      }
      this.#news()
    })
  }

  /** Resolves once the process has closed its client and ended by itself, as a profile needs it. */
  async ended() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    await once(this.#process, 'exit', { signal: AbortSignal.timeout(CLOSE_DEADLINE_MS) })
  }

  kill() {
    this.#process.kill('SIGKILL')
  }
}
