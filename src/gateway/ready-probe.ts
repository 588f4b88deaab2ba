import { randomUUID } from 'node:crypto'
import type { PubSub, SubscriptionHandle } from '../core/pub-sub.ts'

const DEADLINE_MS = 2_000
/** Milliseconds for which an answer is good: health checks may come often. */
const FRESH_MS = 1_000

/** Whether messages really arrive: one is published through Redis, and has to come back. */
export class ReadyProbe {
  readonly #pubSub: PubSub
  readonly #channel: string
  readonly #waiting = new Map<string, () => void>()
  #handle: Promise<SubscriptionHandle> | undefined
  #last: { readonly atMs: number; readonly ready: Promise<boolean> } | undefined

  constructor(pubSub: PubSub, channel: string) {
    this.#pubSub = pubSub
    this.#channel = channel
  }

  /** Resolves within two seconds. */
  ready(): Promise<boolean> {
    const now = performance.now()
    if (this.#last !== undefined && now - this.#last.atMs < FRESH_MS) return this.#last.ready
    const ready = this.#probe().catch(() => false)
    this.#last = { atMs: now, ready }
    return ready
  }

  close(): void {
    this.#handle?.then(
      (handle) => handle.release(),
      () => {},
    )
    this.#handle = undefined
  }

  async #probe(): Promise<boolean> {
    const id = randomUUID()
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), DEADLINE_MS)
    })
    const arrived = new Promise<boolean>((resolve) => this.#waiting.set(id, () => resolve(true)))
    try {
      return await Promise.race([this.#send(id).then(() => arrived), deadline])
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(id)
    }
  }

  async #send(id: string): Promise<void> {
    this.#handle ??= this.#pubSub
      .subscribe('channel', this.#channel, ({ text }) => this.#waiting.get(text)?.())
      .catch((error: unknown) => {
        this.#handle = undefined
        throw error
      })
    await this.#handle
    await this.#pubSub.publish(this.#channel, id)
  }
}
