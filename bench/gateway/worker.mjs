import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Whoever takes longer hangs. */
const DEADLINE_MS = 240_000

/** A process of the benchmark, as the runner sees it. */
export class Worker {
  #process
  #ids = 0
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
  #calls = new Map()

  /** @param {import('node:child_process').ChildProcess} process */
  constructor(process) {
    this.#process = process
    process.on('message', (/** @type {any} */ { id, result, failure }) => {
      const call = this.#calls.get(id)
      this.#calls.delete(id)
      if (failure === undefined) call?.resolve(result)
      else call?.reject(new Error(failure))
    })
    process.on('exit', (code, signal) => {
      for (const { reject } of this.#calls.values()) reject(new Error(`A process ended early (${signal ?? code}).`))
      this.#calls.clear()
    })
  }

  /**
   * Resolves once it can be called.
   *
   * @param {string} file from this folder @param {readonly string[]} [args] @param {string} [profileDir]
   */
  static async start(file, args = [], profileDir = undefined) {
    const path = fileURLToPath(new URL(file, import.meta.url))
    const profile = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`]
    const child = fork(path, args, { execArgv: ['--expose-gc', ...profile] })
    await once(child, 'message', { signal: AbortSignal.timeout(DEADLINE_MS) })
    return new Worker(child)
  }

  /** @param {string} method @param {...unknown} args @returns {Promise<any>} */
  call(method, ...args) {
    this.#ids += 1
    const id = this.#ids
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => reject(new Error(`"${method}" was not done in time.`)), DEADLINE_MS)
      const settle = (/** @type {(value: any) => void} */ act) => (/** @type {any} */ value) => {
        clearTimeout(deadline)
        act(value)
      }
      this.#calls.set(id, { resolve: settle(resolve), reject: settle(reject) })
      this.#process.send({ id, method, args })
    })
  }

  /** Ends it as a crash would. */
  async kill() {
    this.#process.kill('SIGKILL')
    await this.#gone()
  }

  /** Lets it end by itself, as a profile needs it. */
  async end() {
    if (this.#process.connected) this.#process.disconnect()
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 10_000)
    await this.#gone()
    clearTimeout(timer)
  }

  async #gone() {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, 'exit')
  }
}
