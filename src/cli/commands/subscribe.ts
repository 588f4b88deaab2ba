import type { Command } from 'commander'
import { Subscriber } from '../../messaging/subscriber.ts'
import { wholeNumber } from '../arguments.ts'
import { listen } from '../listening.ts'
import { bytesAsJson } from '../output.ts'

export function addSubscribe(program: Command): void {
  program
    .command('subscribe')
    .description('Print every message of one or more channels, until Ctrl-C.')
    .argument('<channel...>', 'names of channels')
    .option('--count <n>', 'end after n messages', wholeNumber)
    .addHelpText(
      'after',
      `
Examples:
  $ tidings subscribe notifications alerts
  $ tidings subscribe notifications --count 1
  $ tidings subscribe notifications --json | jq .message`,
    )
    .action(async (channels: string[], options: { count?: number }, command: Command) => {
      await listen(command, options.count, async ({ connection, confirm, show }) => {
        const subscriber = new Subscriber({ redis: connection })
        const names = new Set<string>()
        for (const channel of channels) {
          if (!names.has(channel)) {
            const onMessage = (_channel: string, bytes: Uint8Array): void => {
              show(['message', channel, bytes], { kind: 'message', channel, message: bytesAsJson(bytes) })
            }
            await subscriber.subscribe(channel, onMessage, { as: 'bytes' })
          }
          names.add(channel)
          const subscriptions = names.size
          confirm(['subscribe', channel, subscriptions], { kind: 'subscribe', channel, subscriptions })
        }
      })
    })
}
