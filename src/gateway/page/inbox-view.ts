import type { InboxCounts, InboxSync, Notification } from '../../client/index.ts'
import { announce, byId, make, reasonOf, tell, timeOf } from './dom.ts'
import { client } from './session.ts'

/** As many as an inbox keeps, and some broadcasts. */
const PAGE_SIZE = 200

const list = byId('inbox', HTMLOListElement)
const none = byId('no-notifications', HTMLParagraphElement)
const badge = byId('unread', HTMLSpanElement)
const readAll = byId('read-all', HTMLButtonElement)
const trouble = byId('inbox-error', HTMLParagraphElement)

interface Shown {
  readonly item: HTMLLIElement
  readonly button: HTMLButtonElement
  readonly badge: HTMLSpanElement
  notification: Notification
}

/** The user's inbox, as it is on all devices. */
export class InboxView {
  readonly #shown = new Map<string, Shown>()
  readonly #watchers = new Set<(id: string) => void>()
  #state: string | undefined
  #loading = false
  #again = false

  constructor() {
    client.inbox.onChange((change) => this.#change(change))
    client.inbox.onNotification((notification) => {
      announce(`Notification, ${notification.type}: ${notification.title}. ${notification.message}`)
    })
    readAll.addEventListener('click', () => {
      // Up to what is shown: what comes meanwhile stays unread.
      const upTo = this.#state === undefined ? {} : { upTo: this.#state }
      void this.#try(client.inbox.markAllAsRead(upTo))
    })
    void this.load()
  }

  /** The watcher is told of each notification that is new in the list. */
  watch(watcher: (id: string) => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Shows all of it anew. What changes while it is being read makes it read again. */
  async load(): Promise<void> {
    this.#again = this.#loading
    if (this.#loading) return
    this.#loading = true
    try {
      const page = await client.inbox.list({ limit: PAGE_SIZE })
      const there = new Set(page.notifications.map(({ id }) => id))
      for (const id of this.#shown.keys()) if (!there.has(id)) this.#remove(id)
      for (const notification of page.notifications.toReversed()) this.#put(notification)
      this.#settle(page.counts, page.state)
    } catch (error) {
      tell(trouble, reasonOf(error), true)
    } finally {
      this.#loading = false
    }
    if (this.#again) await this.load()
  }

  #change(change: InboxSync): void {
    if (this.#loading || change.reset) {
      void this.load()
      return
    }
    for (const id of change.removed) this.#remove(id)
    for (const notification of change.changed.toReversed()) this.#put(notification)
    this.#settle(change.counts, change.state)
  }

  #settle({ unread }: InboxCounts, state: string): void {
    this.#state = state
    tell(trouble, '')
    badge.textContent = `${unread} unread`
    badge.dataset.count = String(unread)
    document.title = unread === 0 ? 'Tidings' : `(${unread}) Tidings`
    readAll.ariaDisabled = String(unread === 0)
    none.hidden = this.#shown.size > 0
  }

  #put(notification: Notification): void {
    const { id, archived, snoozedUntil } = notification
    if (archived || snoozedUntil !== undefined) {
      this.#remove(id)
      return
    }
    let shown = this.#shown.get(id)
    if (shown === undefined) {
      shown = this.#make(notification)
      this.#shown.set(id, shown)
      const older = [...this.#shown.values()]
        .filter((other) => other !== shown && other.notification.timestamp <= notification.timestamp)
        .sort((a, b) => (a.item.compareDocumentPosition(b.item) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1))[0]
      list.insertBefore(shown.item, older?.item ?? null)
      for (const watcher of this.#watchers) watcher(id)
    }
    this.#update(shown, notification)
  }

  #make(notification: Notification): Shown {
    const button = make('button', 'quiet small')
    button.type = 'button'
    const unreadMark = make('span', 'dot', 'unread')
    const { type, title, message, timestamp, broadcast } = notification
    const item = make(
      'li',
      'notification',
      make(
        'div',
        'row',
        make('span', `kind ${type}`, type),
        unreadMark,
        ...(broadcast ? [make('span', 'mark', 'to everybody')] : []),
        timeOf(timestamp),
      ),
      make('strong', 'title', title),
      make('p', 'message', message),
      button,
    )
    const shown = { item, button, badge: unreadMark, notification }
    button.addEventListener('click', () => {
      const { id, read } = shown.notification
      void this.#try(read ? client.inbox.markAsUnread(id) : client.inbox.markAsRead(id))
    })
    return shown
  }

  #update(shown: Shown, notification: Notification): void {
    shown.notification = notification
    const { read, title } = notification
    shown.item.classList.toggle('unread', !read)
    shown.badge.hidden = read
    shown.button.textContent = read ? 'Mark unread' : 'Mark read'
    shown.button.ariaLabel = `${shown.button.textContent}: ${title}`
  }

  #remove(id: string): void {
    this.#shown.get(id)?.item.remove()
    this.#shown.delete(id)
  }

  async #try(doing: Promise<unknown>): Promise<void> {
    try {
      await doing
    } catch (error) {
      tell(trouble, reasonOf(error), true)
    }
  }
}
