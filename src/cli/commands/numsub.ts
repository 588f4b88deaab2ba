import type { Command } from 'commander'
import { Monitor } from '../../monitor/monitor.ts'
import { withSession } from '../session.ts'

export function addNumsub(program: Command): void {
  program
    .command('numsub')
    .description('Count the subscribers of channels, those by pattern not included.')
    .argument('<channel...>', 'names of channels')
    .addHelpText(
      'after',
      `
Examples:
  $ tidings numsub notifications
  $ tidings numsub notifications alerts --json`,
    )
    .action(async (names: string[], _options: object, command: Command) => {
      await withSession(command, async ({ connection, output }) => {
        const counts = await new Monitor({ redis: connection }).subscribers(names)
        const records = names.map((channel) => ({ channel, subscribers: counts.get(channel) ?? 0 }))
        output.print(
          records.flatMap(({ channel, subscribers }) => [channel, subscribers]),
          records,
        )
      })
    })
}
