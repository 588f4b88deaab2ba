import { type Command, InvalidArgumentError, Option } from 'commander'
import { NOTIFICATION_TYPES, type NotificationType } from '../core/inbox.ts'
import type { InboxAnswer } from '../notifications/inbox-reader.ts'
import type { NotificationAction, NotificationInput } from '../notifications/notification.ts'
import type { NotificationServiceOptions } from '../notifications/notification-options.ts'
import { NotificationService } from '../notifications/notification-service.ts'
import { readData, timeAhead } from './arguments.ts'
import { complain } from './failure.ts'
import type { JsonRecord, Output } from './output.ts'
import { withSession } from './session.ts'

type ServiceOptions = Pick<NotificationServiceOptions, 'maxCount' | 'maxBroadcasts' | 'maxBytes'> & {
  readonly prefix: string
}

/** Does a command's work with a service on its connection. */
export async function withNotifications(
  command: Command,
  { prefix, maxCount, maxBroadcasts, maxBytes }: ServiceOptions,
  work: (service: NotificationService, output: Output) => Promise<void>,
): Promise<void> {
  await withSession(command, async ({ connection, output }) => {
    const limits = { maxCount, maxBroadcasts, maxBytes }
    const service = new NotificationService({ redis: connection, channelPrefix: prefix, onError: complain, ...limits })
    try {
      await work(service, output)
    } finally {
      await service.close()
    }
  })
}

/** What the commands for notifications say about the channels that notifications travel on. */
export function channelsOption(): Option {
  return new Option('--prefix <text>', "what the notifications' channels begin with").default('notifications:')
}

/** What a notification says, beside its title and message. */
export interface ContentOptions {
  readonly type: NotificationType
  readonly data?: string
  readonly topic?: string
  readonly expires?: Date
  readonly action?: readonly Omit<NotificationAction, 'key'>[]
}

export function addContentOptions(command: Command): Command {
  return command
    .addOption(typeOption('what kind of news it is').default('info'))
    .option('--data <json>', 'its data as JSON, or - for JSON from stdin (default: null)')
    .option('--topic <name>', 'what it is about, for users who mute or follow topics')
    .option('--expires <when>', 'when it goes away by itself: a time, or a duration such as 2h', timeAhead)
    .option('--action <label=url>', 'something to do about it, with or without =url; may be given again', anotherAction)
}

export function typeOption(description: string): Option {
  return new Option('--type <type>', description).choices(NOTIFICATION_TYPES)
}

export async function readContent(
  title: string,
  message: string,
  { type, data, topic, expires, action }: ContentOptions,
): Promise<NotificationInput> {
  return { type, title, message, data: await readData(data), topic, expiresAt: expires, actions: action }
}

function anotherAction(
  text: string,
  before: readonly Omit<NotificationAction, 'key'>[] = [],
): Omit<NotificationAction, 'key'>[] {
  const at = text.indexOf('=')
  const label = at < 0 ? text : text.slice(0, at)
  if (label === '') throw new InvalidArgumentError('It must be a label, or label=url.')
  return [...before, at < 0 ? { label } : { label, url: text.slice(at + 1) }]
}

/** How many notifications a user has, in the form of redis-cli's hashes. */
export function printCounts(userId: string, { counts, state, nextChangeAt }: InboxAnswer, output: Output): void {
  const { total, unread, unseen, byType } = counts
  const pairs = Object.entries({ total, unread, unseen, ...byType }).flat()
  output.print(pairs, { kind: 'counts', userId, ...counts, state, nextChangeAt: nextChangeAt ?? null })
}

/** The names of a record do not depend on what it holds. */
export function withNulls(record: object): JsonRecord {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, value ?? null]))
}
