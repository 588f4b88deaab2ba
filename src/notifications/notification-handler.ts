import type { InboxSync } from './inbox-reader.ts'
import type { Notification } from './notification.ts'

/** Gets notifications as they come. It may be asynchronous: runs are not waited for, and may overlap. */
export type NotificationHandler = (notification: Notification) => unknown

export interface UserHandlerOptions {
  /** Takes every change of the inbox, in any process: what to make of the state before it. */
  readonly onChange?: ((change: InboxSync) => unknown) | undefined
}
