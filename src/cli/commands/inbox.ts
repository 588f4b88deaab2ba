import { type Command, Option } from 'commander'
import type { NotificationType } from '../../core/inbox.ts'
import type { CommandOutcome, InboxView } from '../../core/inbox-store.ts'
import type { Notification } from '../../notifications/notification.ts'
import { wholeNumber } from '../arguments.ts'
import { EXIT } from '../failure.ts'
import { channelsOption, printCounts, typeOption, withNotifications, withNulls } from '../notifications.ts'
import { Json, type Output } from '../output.ts'

interface ListOptions {
  readonly view: InboxView
  readonly type?: NotificationType
  readonly topic?: string
  readonly limit: number
  readonly before?: string
  readonly prefix: string
}

interface PrefixOption {
  readonly prefix: string
}

const VIEWS: readonly InboxView[] = ['inbox', 'unread', 'archived', 'snoozed', 'all']
const USER = "the user's id"
const IDS = 'ids that list and notify print, at most 1,000'

export function addInbox(program: Command): void {
  const inbox = program
    .command('inbox')
    .description("Look into a user's notifications, and mark them.")
    .addHelpText(
      'after',
      `
A user becomes known by this: broadcasts from then on are for the user, too. Broadcasts for an
audience are not shown, for only your programs know for whom they are.

Examples:
  $ tidings inbox list user123 --view unread
  $ tidings inbox counts user123
  $ tidings inbox read user123 n7-1@m4p8q1k3j9x2
  $ tidings inbox read-all user123`,
    )
  addList(inbox)
  inbox
    .command('counts')
    .description('Print how many notifications there are.')
    .argument('<user>', USER)
    .addOption(channelsOption())
    .addHelpText('after', '\nExamples:\n  $ tidings inbox counts user123\n  $ tidings inbox counts user123 --json')
    .action(async (userId: string, options: PrefixOption, command: Command) => {
      await withNotifications(command, options, async (service, output) => {
        printCounts(userId, await service.counts(userId), output)
      })
    })
  addMarking(inbox, 'read', 'Mark notifications as read.')
  inbox
    .command('read-all')
    .description('Mark everything in the inbox as read; prints the counts then.')
    .argument('<user>', USER)
    .option('--up-to <state>', 'what had come by then: the "state" that list, counts --json print (default: now)')
    .addOption(channelsOption())
    .addHelpText('after', '\nExamples:\n  $ tidings inbox read-all user123')
    .action(async (userId: string, options: PrefixOption & { readonly upTo?: string }, command: Command) => {
      await withNotifications(command, options, async (service, output) => {
        printCounts(userId, await service.markAllAsRead(userId, { upTo: options.upTo }), output)
      })
    })
  addMarking(inbox, 'archive', 'Take notifications out of the inbox; the view archived has them.')
}

function addList(inbox: Command): void {
  inbox
    .command('list')
    .description('Print a page of notifications, newest first: own ones and broadcasts.')
    .argument('<user>', USER)
    .addOption(new Option('--view <view>', 'which of them').choices(VIEWS).default('inbox'))
    .addOption(typeOption('only those of one type'))
    .option('--topic <name>', 'only those about a topic')
    .option('--limit <n>', 'the most notifications, up to 1,000', wholeNumber, 20)
    .option('--before <next>', 'go on behind a page: what it said is next')
    .addOption(channelsOption())
    .addHelpText(
      'after',
      `
Prints seven values for each: id, state (unread, read, archived, snoozed), type, timestamp, title,
message, data. inbox is what is neither archived nor snoozed.

Examples:
  $ tidings inbox list user123
  $ tidings inbox list user123 --view unread --type error --json | jq -r .title`,
    )
    .action(async (userId: string, { prefix, ...query }: ListOptions, command: Command) => {
      await withNotifications(command, { prefix }, async (service, output) => {
        const { notifications, next, ...answer } = await service.list(userId, query)
        for (const notification of notifications) show(notification, output)
        if (output.format === 'json') {
          output.tell('', { kind: 'page', userId, next: next ?? null, ...withNulls(answer) })
        } else if (next !== undefined) output.remark(`More with --before ${next}\n`)
      })
    })
}

function addMarking(inbox: Command, name: 'read' | 'archive', description: string): void {
  inbox
    .command(name)
    .description(`${description} Prints each id with what became of it.`)
    .argument('<user>', USER)
    .argument('<id...>', IDS)
    .addOption(channelsOption())
    .addHelpText(
      'after',
      `
That is changed, already, or unknown, and then the exit code is 1.

Examples:
  $ tidings inbox ${name} user123 n7-1@m4p8q1k3j9x2`,
    )
    .action(async (userId: string, ids: string[], options: PrefixOption, command: Command) => {
      await withNotifications(command, options, async (service, output) => {
        const outcomes: CommandOutcome[] = await (name === 'read'
          ? service.markAsRead(userId, ids)
          : service.archive(userId, ids))
        const pairs = ids.map((id, index) => [id, outcomes[index]!] as const)
        output.print(
          pairs.flat(),
          pairs.map(([id, outcome]) => ({ userId, id, outcome })),
        )
        if (outcomes.includes('unknown')) process.exitCode = EXIT.failure
      })
    })
}

function show(notification: Notification, output: Output): void {
  const { id, type, timestamp, title, message, data, read, archived, snoozedUntil } = notification
  const state = archived ? 'archived' : snoozedUntil !== undefined ? 'snoozed' : read ? 'read' : 'unread'
  const values = [id, state, type, timestamp, title, message, new Json(data)]
  output.print(values, { kind: 'notification', ...withNulls(notification) })
}
