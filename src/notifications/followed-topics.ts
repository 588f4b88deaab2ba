import { describeThrown } from '../core/describe.ts'
import { TidingsError } from '../core/errors.ts'
import type { BroadcastPlace, InboxStore } from '../core/inbox-store.ts'
import { randomName } from '../core/random-name.ts'
import type { NotificationInput } from './notification.ts'
import { assertOptions } from './notification-options.ts'
import type { Sender, SendOptions } from './sender.ts'

/** Sends on their way at once. */
const CONCURRENCY = 64
/** For which a user is not sent the same again, when a call is repeated after a failure. */
const REPEAT_WINDOW_MS = 600_000

export interface TopicOptions extends SendOptions {
  /** Ends it between two users, with `ABORTED`. */
  readonly signal?: AbortSignal | undefined
  /** Told now and then how many users have been dealt with. */
  readonly onProgress?: ((done: number) => void) | undefined
}

/** How many of a topic's followers were sent it, and how many not. */
export interface TopicResult {
  readonly sent: number
  /** By their own wish: muted, or no longer following. */
  readonly unwanted: number
}

/** Topics that users follow: an index for each topic, and the truth with each user. */
export class FollowedTopics {
  readonly #store: InboxStore
  readonly #sender: Sender

  constructor(store: InboxStore, sender: Sender) {
    this.#store = store
    this.#sender = sender
  }

  /** In this order, so that whoever follows is always in the index; who is there in vain is left out when sending. */
  async follow(userId: string, topic: string, at: BroadcastPlace): Promise<void> {
    await this.#store.addFollower(topic, userId)
    await this.#store.change(userId, { kind: 'follow', topic }, at)
    // Whoever tidied up meanwhile may have taken it out.
    await this.#store.addFollower(topic, userId)
  }

  async unfollow(userId: string, topic: string, at: BroadcastPlace): Promise<void> {
    await this.#store.change(userId, { kind: 'unfollow', topic }, at)
    await this.#leave(topic, userId)
  }

  /** Takes a user out of the index who does not follow, and back in one who does again by then. */
  async #leave(topic: string, userId: string): Promise<void> {
    await this.#store.removeFollower(topic, userId)
    if ((await this.#store.topics(userId)).includes(topic)) await this.#store.addFollower(topic, userId)
  }

  /**
   * Sends to all who follow. A failure ends it with `context.dedupeKey`: called again with that, it sends to those
   * who have not got it yet.
   */
  async notify(topic: string, notification: NotificationInput, options: TopicOptions): Promise<TopicResult> {
    assertOptions('notifyTopic', options)
    const { signal, onProgress, dedupeKey = `topic:${randomName()}`, dedupeWindowMs, ...rest } = options
    const send = { ...rest, dedupeKey, dedupeWindowMs: dedupeWindowMs ?? REPEAT_WINDOW_MS }
    const message = { ...this.#sender.prepare({ ...notification, topic }, send), followersOnly: true }
    let [sent, unwanted] = [0, 0]
    const told = new Set<string>()
    const one = async (userId: string) => {
      const { outcome } = await this.#sender.deliver(userId, message)
      if (outcome === 'muted' || outcome === 'not-following') unwanted += 1
      else sent += 1
      if (outcome === 'not-following') await this.#leave(topic, userId)
    }
    try {
      let cursor: string | undefined
      do {
        const page = await this.#store.followers(topic, cursor)
        const users = page.userIds.filter((userId) => !told.has(userId))
        for (const userId of users) told.add(userId)
        for (let at = 0; at < users.length; at += CONCURRENCY) {
          if (signal?.aborted) throw signal.reason
          await Promise.all(users.slice(at, at + CONCURRENCY).map(one))
          onProgress?.(sent + unwanted)
        }
        cursor = page.next
      } while (cursor !== undefined)
    } catch (cause) {
      const aborted = signal?.aborted === true
      const code = aborted ? 'ABORTED' : cause instanceof TidingsError ? cause.code : 'REDIS_ERROR'
      throw new TidingsError(code, `Not all followers of "${topic}" were sent it: ${describeThrown(cause)}`, {
        cause,
        hint: 'Call again with the dedupeKey of the context: nobody gets it twice within the window.',
        context: { topic, dedupeKey, sent, unwanted },
      })
    }
    return { sent, unwanted }
  }

  /** Removes all that is kept of a user, in the topics' indexes too. */
  async erase(userId: string): Promise<boolean> {
    const topics = await this.#store.topics(userId)
    // The indexes first: where that fails, the user's own keys still say which they are.
    for (const topic of topics) await this.#store.removeFollower(topic, userId)
    return this.#store.erase(userId)
  }
}
