import type { Command } from 'commander'
import { Subscriber } from '../../messaging/subscriber.ts'
import { wholeNumber } from '../arguments.ts'
import { listen } from '../listening.ts'
import { bytesAsJson } from '../output.ts'

export function addPsubscribe(program: Command): void {
  program
    .command('psubscribe')
    .description('Print every message of the channels that match a pattern, until Ctrl-C.')
    .argument(
      '<pattern...>',
      'Redis globs: * any text, ? any character, [abc] one of these, \\ takes the next as it is',
    )
    .option('--count <n>', 'end after n messages', wholeNumber)
    .addHelpText(
      'after',
      `
A message that matches two of the patterns is printed for each, as redis-cli does.
Quote patterns, so that the shell does not read them as file names.

Examples:
  $ tidings psubscribe "user:*" "order:*"
  $ tidings psubscribe "*" --count 10 --json`,
    )
    .action(async (patterns: string[], options: { count?: number }, command: Command) => {
      await listen(command, options.count, async ({ connection, confirm, show }) => {
        const subscriber = new Subscriber({ redis: connection })
        const names = new Set<string>()
        for (const pattern of patterns) {
          if (!names.has(pattern)) {
            const onMessage = (_pattern: string, channel: string, bytes: Uint8Array): void => {
              const record = { kind: 'pmessage', pattern, channel, message: bytesAsJson(bytes) }
              show(['pmessage', pattern, channel, bytes], record)
            }
            await subscriber.psubscribe(pattern, onMessage, { as: 'bytes' })
          }
          names.add(pattern)
          const subscriptions = names.size
          confirm(['psubscribe', pattern, subscriptions], { kind: 'psubscribe', pattern, subscriptions })
        }
      })
    })
}
