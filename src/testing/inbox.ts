import type { Message } from '../core/message.ts'
import { inTime } from './awaiting.ts'

/** Keeps every message that its listener gets, and tells when there are enough. */
export class Inbox {
  readonly messages: Message[] = []
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = []

  readonly listener = (message: Message): void => {
    this.messages.push(message)
    for (const waiting of this.#waiting) if (this.messages.length >= waiting.count) waiting.resolve()
  }

  get texts(): string[] {
    return this.messages.map((message) => message.text)
  }

  /** Resolves once at least that many messages have come, those that came before included. */
  async has(count: number): Promise<void> {
    if (this.messages.length >= count) return
    const arrived = new Promise<void>((resolve) => this.#waiting.push({ count, resolve }))
    await inTime(arrived, `${count} messages (${this.messages.length} had come at first)`)
  }
}
