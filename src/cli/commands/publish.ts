import type { Command } from 'commander'
import { Publisher } from '../../messaging/publisher.ts'
import { readMessage, wholeNumber } from '../arguments.ts'
import { withSession } from '../session.ts'

export function addPublish(program: Command): void {
  program
    .command('publish')
    .description('Send one message to a channel; prints how many subscribers got it.')
    .argument('<channel>', 'name of the channel')
    .argument('<message>', 'the message, or - for all of stdin, byte for byte')
    .option('--max-bytes <n>', 'refuse a longer message', wholeNumber, 65_536)
    .addHelpText(
      'after',
      `
Examples:
  $ tidings publish notifications "Hello, World!"
  $ echo '{"level":"info"}' | tidings publish alerts -
  $ tidings publish temperature -- -5        (after -- a message may begin with a dash)`,
    )
    .action(async (channel: string, argument: string, options: { maxBytes: number }, command: Command) => {
      const message = await readMessage(argument)
      await withSession(command, async ({ connection, output }) => {
        const publisher = new Publisher({ redis: connection, maxBytes: options.maxBytes })
        const receivers = await publisher.publish(channel, message)
        output.print(receivers, { channel, receivers })
      })
    })
}
