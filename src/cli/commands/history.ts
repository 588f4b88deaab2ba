import { once } from 'node:events'
import type { Command } from 'commander'
import type { Gap } from '../../core/gap.ts'
import { EventBus } from '../../messaging/event-bus.ts'
import { timeOrPosition, wholeNumber } from '../arguments.ts'
import { complain } from '../failure.ts'
import { showGap } from '../gap-report.ts'
import { Json } from '../output.ts'
import { withSession } from '../session.ts'
import { prefixOption } from './prefix-option.ts'

interface HistoryOptions {
  readonly prefix: string
  readonly since?: Date | string
  readonly until?: Date | string
  readonly limit?: number
  readonly reverse?: boolean
}

export function addHistory(program: Command): void {
  program
    .command('history')
    .description('Print the kept events of a type, or of all types that match a pattern, oldest first.')
    .argument('<type-or-pattern>', 'the event type, such as order.created; with *, ? or [ a pattern')
    .option('--since <place>', 'begin at a time, or right after a position (default: the first event)', timeOrPosition)
    .option('--until <place>', 'end with a time or a position, included (default: the last event)', timeOrPosition)
    .option('--limit <n>', 'the most events to print', wholeNumber)
    .option('--reverse', 'newest first')
    .addOption(prefixOption())
    .addHelpText(
      'after',
      `
A time is 2026-11-24T09:00:00Z, or a duration back from now: 30s, 10m, 2h, 7d. A position is what
append and history print; it belongs to one event type.
Prints four values for each event: position, type, timestamp, data.
Where a log has a hole, a line on stderr says so, reading goes on, and the exit code is 1.

Examples:
  $ tidings history order.created --reverse --limit 10
  $ tidings history "order.*" --since 2h
  $ tidings history order.created --since 42-1@k3j9x2m4p8q1 --json | jq .data`,
    )
    .action(async (source: string, { prefix, ...query }: HistoryOptions, command: Command) => {
      await withSession(command, async ({ connection, output }) => {
        const bus = new EventBus({ redis: connection, channelPrefix: prefix, onError: complain })
        let readerGone = false
        process.stdout.once('error', () => {
          readerGone = true
        })
        const onGap = (gap: Gap) => showGap(gap, output)
        for await (const { position, type, timestamp, data } of bus.history(source, { ...query, onGap })) {
          output.print([position, type, timestamp, new Json(data)], { kind: 'event', position, type, timestamp, data })
          // A log may be longer than memory: the reader sets the pace.
          if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain').catch(() => {})
          if (readerGone) break
        }
      })
    })
}
