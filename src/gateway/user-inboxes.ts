import type { InboxSync } from '../notifications/inbox-reader.ts'
import type { Notification } from '../notifications/notification.ts'
import type { NotificationService } from '../notifications/notification-service.ts'
import type { SubscribeResult } from '../protocol/client-protocol.ts'
import type { ClientSession } from './client-session.ts'
import { Frames } from './frames.ts'

/** The channel on which a user's own inbox is told, for each user another. */
const INBOX_CHANNEL = '#inbox'

interface UserInbox {
  readonly sessions: Set<ClientSession>
  readonly following: Promise<() => Promise<void>>
}

/** The inboxes of the users who are connected here, each followed once however many devices a user has. */
export class UserInboxes {
  readonly #notifications: NotificationService
  readonly #users = new Map<string, UserInbox>()

  constructor(notifications: NotificationService) {
    this.#notifications = notifications
  }

  get size(): number {
    return this.#users.size
  }

  /** Resolves to what a client is told of its inbox when it connects; from then on it is told what changes. */
  async enter(session: ClientSession, subs: Record<string, SubscribeResult>): Promise<unknown> {
    const { userId } = session.user!
    if (userId === '') return undefined
    const inbox = this.#users.get(userId) ?? this.#begin(userId)
    inbox.sessions.add(session)
    session.onEnd(() => this.#leave(userId, inbox, session))
    await inbox.following
    const { counts, state } = await this.#notifications.counts(userId)
    subs[INBOX_CHANNEL] = {}
    return { inbox: { counts, state } }
  }

  #begin(userId: string): UserInbox {
    const sessions = new Set<ClientSession>()
    const tell = (data: unknown) => {
      const frames = new Frames(JSON.stringify({ push: { channel: INBOX_CHANNEL, pub: { data } } }))
      for (const session of sessions) session.write(frames)
    }
    const following = this.#notifications
      .subscribeUser(userId, (notification: Notification) => tell({ kind: 'notification', notification }), {
        onChange: (change: InboxSync) => tell({ kind: 'change', change }),
      })
      .then((subscription) => () => subscription.unsubscribe())
    const inbox = { sessions, following }
    this.#users.set(userId, inbox)
    following.catch(() => {
      if (this.#users.get(userId) === inbox) this.#users.delete(userId)
    })
    return inbox
  }

  #leave(userId: string, inbox: UserInbox, session: ClientSession): void {
    inbox.sessions.delete(session)
    if (inbox.sessions.size > 0) return
    if (this.#users.get(userId) === inbox) this.#users.delete(userId)
    inbox.following.then(
      (end) => end(),
      () => {},
    )
  }
}
