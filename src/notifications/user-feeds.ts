import type { Connection } from '../connection/connection.ts'
import type { TidingsError } from '../core/errors.ts'
import { inboxChannel } from '../core/keys.ts'
import { encodeUserId } from '../core/user-id.ts'
import type { BroadcastBoard } from './broadcast-board.ts'
import { type FeedListener, InboxFeed } from './inbox-feed.ts'
import type { InboxReader } from './inbox-reader.ts'
import { userChannel } from './sender.ts'

export interface UserFeedsOptions {
  readonly connection: Connection
  readonly channelPrefix: string
  readonly board: BroadcastBoard
  readonly reader: InboxReader
  readonly onError: (error: TidingsError) => void
}

/** The inboxes that somebody here follows, each by one feed. */
export class UserFeeds {
  readonly #options: UserFeedsOptions
  readonly #feeds = new Map<string, InboxFeed>()
  readonly #endStatus: () => void

  constructor(options: UserFeedsOptions) {
    this.#options = options
    this.#endStatus = options.connection.pubSub.onStatus(({ kind }) => {
      if (kind === 'interruption') for (const feed of this.#feeds.values()) feed.doubt()
    })
  }

  /** Resolves once nothing can be missed, to what ends it. A rejected call leaves nothing behind. */
  async follow(userId: string, listener: FeedListener): Promise<() => void> {
    const feed = this.#feeds.get(userId) ?? this.#begin(userId)
    const release = () => {
      feed.remove(listener)
      if (feed.size > 0 || this.#feeds.get(userId) !== feed) return
      this.#feeds.delete(userId)
      feed.close()
    }
    try {
      await feed.add(listener)
    } catch (error) {
      release()
      throw error
    }
    return release
  }

  broadcastsChanged(): void {
    for (const feed of this.#feeds.values()) feed.broadcastsChanged()
  }

  close(): void {
    this.#endStatus()
    for (const feed of this.#feeds.values()) feed.close()
    this.#feeds.clear()
  }

  #begin(userId: string): InboxFeed {
    const { connection, channelPrefix, board, reader, onError } = this.#options
    const { pubSub, inboxStore, namespace, eventLog } = connection
    const feed = new InboxFeed({
      userId,
      pubSub: pubSub.plain,
      store: inboxStore,
      board,
      reader,
      channels: {
        user: userChannel(channelPrefix, userId),
        inbox: inboxChannel(namespace, encodeUserId(userId), eventLog.partitions),
      },
      onError,
    })
    this.#feeds.set(userId, feed)
    return feed
  }
}
