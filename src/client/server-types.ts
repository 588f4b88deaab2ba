import type { OutcomeOf } from '../notifications/inbox-commands.ts'

/** What the server's types say, and nothing of what it does: these imports are gone once compiled. */
export type { Event } from '../messaging/event.ts'
export type { DataArgument, EventTypeOf, InputOf, UntypedEvents } from '../messaging/event-map.ts'
export type { OutcomeOf } from '../notifications/inbox-commands.ts'
export type { InboxFilter } from '../notifications/inbox-page.ts'
export type { InboxAnswer, InboxPage, InboxSync } from '../notifications/inbox-reader.ts'
export type { ListOptions } from '../notifications/list-options.ts'
export type { InboxCounts, Notification, NotificationAction } from '../notifications/notification.ts'
export type { Preferences } from '../notifications/preferences.ts'

/** What became of a command for one notification. */
export type CommandOutcome = OutcomeOf<string>
