import type { Command } from 'commander'
import { readData, wholeNumber } from '../arguments.ts'
import { UsageError } from '../failure.ts'
import {
  addContentOptions,
  type ContentOptions,
  channelsOption,
  readContent,
  withNotifications,
} from '../notifications.ts'

interface BroadcastOptions extends ContentOptions {
  readonly audience?: string
  readonly maxBroadcasts?: number
  readonly maxBytes: number
  readonly prefix: string
}

export function addBroadcast(program: Command): void {
  const broadcast = program
    .command('broadcast')
    .description('Send a notification to everybody; prints its id and how many subscribers got it.')
    .argument('<title>', 'its title')
    .argument('[message]', 'its message (default: none)')
  addContentOptions(broadcast)
    .option('--audience <json>', 'for whom, as JSON that your programs understand (default: everybody)')
    .option(
      '--max-broadcasts <n>',
      'how many are kept, for all your programs (default: what they say, else 1000)',
      wholeNumber,
    )
    .option('--max-bytes <n>', 'refuse a longer notification', wholeNumber, 65_536)
    .addOption(channelsOption())
    .addHelpText(
      'after',
      `
It is stored once, and is in the inbox of every user who is known by now.

Examples:
  $ tidings broadcast "Maintenance" "System maintenance in 1 hour" --type warning --expires 2h
  $ tidings broadcast "New rules for admins" --audience '{"role":"admin"}'
  $ tidings recall "$(tidings broadcast "Oops" --json | jq -r .id)"`,
    )
    .action(async (title: string, message: string | undefined, options: BroadcastOptions, command: Command) => {
      const { audience: json, data } = options
      if (json === '-' && data === '-') throw new UsageError('stdin can be --audience or --data, not both.')
      const audience = json === undefined ? undefined : await readData(json)
      const content = await readContent(title, message ?? '', options)
      await withNotifications(command, options, async (service, output) => {
        const { id, receivers } = await service.broadcast({ ...content, audience })
        output.print([id, receivers], { id, receivers })
      })
    })
}
