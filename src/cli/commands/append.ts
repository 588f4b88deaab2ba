import type { Command } from 'commander'
import { EventBus } from '../../messaging/event-bus.ts'
import { readData, wholeNumber } from '../arguments.ts'
import { UsageError } from '../failure.ts'
import { withSession } from '../session.ts'
import { prefixOption } from './prefix-option.ts'

interface AppendOptions {
  readonly prefix: string
  readonly maxBytes: number
  readonly dedupeKey?: string
  readonly dedupeWindowMs?: number
}

export function addAppend(program: Command): void {
  program
    .command('append')
    .description('Append one event to its log, and emit it; prints its position.')
    .argument('<type>', 'the event type, such as order.created')
    .argument('[data]', 'the data as JSON, or - for JSON from stdin (default: null)')
    .addOption(prefixOption())
    .option('--max-bytes <n>', 'refuse a longer event', wholeNumber, 65_536)
    .option('--dedupe-key <key>', 'append it only if the log got no event with this key lately')
    .option('--dedupe-window-ms <n>', 'how long the key is remembered (default: 120000)', wholeNumber)
    .addHelpText(
      'after',
      `
Prints the position, how many subscribers got it, and 1 if it was there already, else 0.
Where the policy has "durability", it ends with how many replicas have it.
A policy must keep the type's history: see tidings policy.

Examples:
  $ tidings append order.created '{"orderId":"ORD-123"}'
  $ tidings append order.created - --dedupe-key ORD-123 < order.json
  $ tidings append order.created --json | jq -r .position`,
    )
    .action(async (type: string, argument: string | undefined, options: AppendOptions, command: Command) => {
      const { prefix, maxBytes, dedupeKey, dedupeWindowMs } = options
      if (dedupeWindowMs !== undefined && dedupeKey === undefined) {
        throw new UsageError('--dedupe-window-ms says nothing without --dedupe-key.')
      }
      const data = await readData(argument)
      await withSession(command, async ({ connection, output }) => {
        const bus = new EventBus({ redis: connection, channelPrefix: prefix, maxBytes })
        const receipt = await bus.append(type, data, { dedupeKey, dedupeWindowMs })
        const { position, receivers, duplicate, reached } = receipt
        const reply = [position, receivers, Number(duplicate)]
        output.print(reached === undefined ? reply : [...reply, reached], { type, ...receipt })
      })
    })
}
