import type { Command } from 'commander'
import { Monitor } from '../../monitor/monitor.ts'
import { withSession } from '../session.ts'

export function addChannels(program: Command): void {
  program
    .command('channels')
    .description('List the channels that somebody is subscribed to by name.')
    .argument('[pattern]', 'only those that match this Redis glob', '*')
    .addHelpText(
      'after',
      `
Subscribers by pattern do not show here: "tidings numpat" counts the patterns.

Examples:
  $ tidings channels
  $ tidings channels "user:*"`,
    )
    .action(async (pattern: string, _options: object, command: Command) => {
      await withSession(command, async ({ connection, output }) => {
        const channels = await new Monitor({ redis: connection }).channels(pattern)
        output.print(
          channels,
          channels.map((channel) => ({ channel })),
        )
      })
    })
}
