import type { Command } from 'commander'
import { EventBus } from '../../messaging/event-bus.ts'
import { milliseconds, readData } from '../arguments.ts'
import { Json } from '../output.ts'
import { withSession } from '../session.ts'
import { prefixOption } from './prefix-option.ts'

interface RequestOptions {
  readonly timeoutMs: number
  readonly prefix: string
}

export function addRequest(program: Command): void {
  program
    .command('request')
    .description('Ask whoever replies to an event type; prints the first reply as JSON.')
    .argument('<type>', 'the event type that a program replies to, such as price.quote')
    .argument('[data]', 'the data as JSON, or - for JSON from stdin (default: null)')
    .option('--timeout-ms <n>', 'how long to wait for the reply', milliseconds, 5_000)
    .addOption(prefixOption())
    .addHelpText(
      'after',
      `
Ends with 1 if nobody replies to this type, none answers in time, or the one who answers failed.

Examples:
  $ tidings request price.quote '{"item":"tea"}'
  $ tidings request health.check --timeout-ms 500`,
    )
    .action(async (type: string, argument: string | undefined, options: RequestOptions, command: Command) => {
      const { timeoutMs, prefix } = options
      const data = await readData(argument)
      await withSession(command, async ({ connection, output }) => {
        const bus = new EventBus({ redis: connection, channelPrefix: prefix })
        try {
          const reply = await bus.request(type, data, { timeoutMs })
          output.print(new Json(reply), { type, data: reply })
        } finally {
          await bus.close()
        }
      })
    })
}
