import type { Command } from 'commander'
import { EventBus } from '../../messaging/event-bus.ts'
import { wholeNumber } from '../arguments.ts'
import { complain } from '../failure.ts'
import { type Listening, listen } from '../listening.ts'
import { Json } from '../output.ts'
import { prefixOption } from './prefix-option.ts'

interface OnOptions {
  readonly pattern?: boolean
  readonly prefix: string
  readonly count?: number
}

export function addOn(program: Command): void {
  program
    .command('on')
    .description('Print every event of one or more types, until Ctrl-C.')
    .argument('<type...>', 'event types, such as order.created')
    .option('--pattern', 'take the types as patterns: order.* is every event type that begins with "order."')
    .addOption(prefixOption())
    .option('--count <n>', 'end after n events', wholeNumber)
    .addHelpText(
      'after',
      `
A message that is no event is not printed: a line on stderr says so.

Examples:
  $ tidings on order.created order.paid
  $ tidings on --pattern "order.*"
  $ tidings on order.created --count 1 --json | jq .data`,
    )
    .action(async (types: string[], options: OnOptions, command: Command) => {
      await listen(command, options.count, async (listening) => {
        const bus = new EventBus({ redis: listening.connection, channelPrefix: options.prefix })
        let subscriptions = 0
        for (const name of new Set(types)) {
          subscriptions += 1
          if (options.pattern) await onPattern(bus, name, subscriptions, listening)
          else await onType(bus, name, subscriptions, listening)
        }
      })
    })
}

async function onType(bus: EventBus, name: string, subscriptions: number, { confirm, show }: Listening): Promise<void> {
  await bus.on(
    name,
    ({ type, timestamp, data }) => {
      show(['event', type, timestamp, new Json(data)], { kind: 'event', type, timestamp, data })
    },
    { onError: complain },
  )
  confirm(['subscribe', name, subscriptions], { kind: 'subscribe', type: name, subscriptions })
}

async function onPattern(
  bus: EventBus,
  pattern: string,
  subscriptions: number,
  { confirm, show }: Listening,
): Promise<void> {
  await bus.onPattern(
    pattern,
    (type, { timestamp, data }) => {
      show(['pevent', pattern, type, timestamp, new Json(data)], { kind: 'pevent', pattern, type, timestamp, data })
    },
    { onError: complain },
  )
  confirm(['psubscribe', pattern, subscriptions], { kind: 'psubscribe', pattern, subscriptions })
}
