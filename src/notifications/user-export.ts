import type { Notification } from './notification.ts'
import type { Preferences } from './preferences.ts'

/** All that is kept of a user. */
export interface UserExport {
  readonly userId: string
  readonly notifications: readonly Notification[]
  readonly preferences: Preferences
}
