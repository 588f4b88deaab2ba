import type { Command } from 'commander'
import { Monitor } from '../../monitor/monitor.ts'
import { withSession } from '../session.ts'

export function addNumpat(program: Command): void {
  program
    .command('numpat')
    .description('Count the different patterns that anybody is subscribed to.')
    .addHelpText(
      'after',
      `
Examples:
  $ tidings numpat
  $ tidings numpat --json`,
    )
    .action(async (_options: object, command: Command) => {
      await withSession(command, async ({ connection, output }) => {
        const patterns = await new Monitor({ redis: connection }).patterns()
        output.print(patterns, { patterns })
      })
    })
}
