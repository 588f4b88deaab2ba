import type { Command } from 'commander'
import { EventBus } from '../../messaging/event-bus.ts'
import { readData, wholeNumber } from '../arguments.ts'
import { withSession } from '../session.ts'
import { prefixOption } from './prefix-option.ts'

interface EmitOptions {
  readonly prefix: string
  readonly maxBytes: number
}

export function addEmit(program: Command): void {
  program
    .command('emit')
    .description('Emit one event; prints how many subscribers got it.')
    .argument('<type>', 'the event type, such as order.created')
    .argument('[data]', 'the data as JSON, or - for JSON from stdin (default: null)')
    .addOption(prefixOption())
    .option('--max-bytes <n>', 'refuse a longer event', wholeNumber, 65_536)
    .addHelpText(
      'after',
      `
Examples:
  $ tidings emit order.created '{"orderId":"ORD-123","total":99.99}'
  $ tidings emit cache.cleared
  $ tidings emit order.created - < order.json`,
    )
    .action(async (type: string, argument: string | undefined, options: EmitOptions, command: Command) => {
      const data = await readData(argument)
      await withSession(command, async ({ connection, output }) => {
        const bus = new EventBus({ redis: connection, channelPrefix: options.prefix, maxBytes: options.maxBytes })
        const receivers = await bus.emit(type, data)
        output.print(receivers, { type, receivers })
      })
    })
}
