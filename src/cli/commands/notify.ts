import type { Command } from 'commander'
import { wholeNumber } from '../arguments.ts'
import { UsageError } from '../failure.ts'
import {
  addContentOptions,
  type ContentOptions,
  channelsOption,
  readContent,
  withNotifications,
} from '../notifications.ts'

interface NotifyOptions extends ContentOptions {
  readonly groupKey?: string
  readonly dedupeKey?: string
  readonly dedupeWindowMs?: number
  readonly maxCount?: number
  readonly maxBytes: number
  readonly prefix: string
}

export function addNotify(program: Command): void {
  const notify = program
    .command('notify')
    .description("Send a notification to a user's inbox; prints what became of it.")
    .argument('<user>', "the user's id")
    .argument('<title>', 'its title')
    .argument('[message]', 'its message (default: none)')
  addContentOptions(notify)
    .option('--group-key <key>', 'it takes the place of the last one with this key, and counts it')
    .option('--dedupe-key <key>', 'send it only if the user got none with this key lately')
    .option('--dedupe-window-ms <n>', 'how long the key is remembered (default: 120000)', wholeNumber)
    .option(
      '--max-count <n>',
      'how many each inbox keeps, for all your programs (default: what they say, else 100)',
      wholeNumber,
    )
    .option('--max-bytes <n>', 'refuse a longer notification', wholeNumber, 65_536)
    .addOption(channelsOption())
    .addHelpText(
      'after',
      `
Prints the outcome, the id, and how many subscribers got it live. The outcome is stored, or
duplicate, or muted by the user, and then there is no id.

Examples:
  $ tidings notify user123 "Welcome!" "Thanks for signing up!"
  $ tidings notify user123 "Disk is full" --type error --topic disks --expires 2h
  $ tidings notify user123 "Invitation" --action "See=https://example.com/i/7" --action Decline
  $ tidings notify user123 "New comment" --group-key post-7 --data '{"post":7}' --json`,
    )
    .action(
      async (userId: string, title: string, message: string | undefined, options: NotifyOptions, command: Command) => {
        const { groupKey, dedupeKey, dedupeWindowMs } = options
        if (dedupeWindowMs !== undefined && dedupeKey === undefined) {
          throw new UsageError('--dedupe-window-ms says nothing without --dedupe-key.')
        }
        const content = await readContent(title, message ?? '', options)
        await withNotifications(command, options, async (service, output) => {
          const sent = await service.sendToUser(userId, content, { groupKey, dedupeKey, dedupeWindowMs })
          const { outcome, id, receivers } = sent
          output.print([outcome, id ?? '', receivers], { userId, outcome, id: id ?? null, receivers })
        })
      },
    )
}
