import type { Command } from 'commander'
import { TidingsError } from '../../core/errors.ts'
import { EventBus } from '../../messaging/event-bus.ts'
import { amount, timeOrPosition, wholeNumber } from '../arguments.ts'
import { takeEnding } from '../ending.ts'
import { complain, EXIT, UsageError } from '../failure.ts'
import { showGap } from '../gap-report.ts'
import { ProgressBar } from '../progress-bar.ts'
import { ReplayReport } from '../replay-report.ts'
import { assertModule, assertOther, type ReplayTarget, toModule, toOtherType } from '../replay-target.ts'
import { type Session, withSession } from '../session.ts'
import { prefixOption } from './prefix-option.ts'

interface ReplayOptions {
  readonly to?: string
  readonly handler?: string
  readonly since?: Date | string
  readonly until?: Date | string
  readonly limit?: number
  readonly rate?: number
  readonly dryRun?: boolean
  readonly prefix: string
  readonly maxBytes: number
}

export function addReplay(program: Command): void {
  program
    .command('replay')
    .description('Give kept events to another event type, or to a function, one after the other.')
    .argument('<type-or-pattern>', 'the event type, such as order.created; with *, ? or [ a pattern')
    .option('--to <type>', 'emit them again as this event type')
    .option('--handler <file>', "call a module's default export with each, and wait for it")
    .option('--since <place>', 'begin at a time, or right after a position (default: the first event)', timeOrPosition)
    .option('--until <place>', 'end with a time or a position, included (default: the last event)', timeOrPosition)
    .option('--limit <n>', 'the most events to replay', wholeNumber)
    .option('--rate <n>', 'the most events in a second (default: as fast as it goes)', amount)
    .option('--dry-run', 'read and count them, and do nothing else')
    .addOption(prefixOption())
    .option('--max-bytes <n>', 'with --to: refuse a longer event', wholeNumber, 65_536)
    .addHelpText(
      'after',
      `
With --to, events keep their timestamp and data. Where a policy keeps the new type's history, they
are appended, and those that were replayed within two minutes are not appended again.
A handler gets { type, timestamp, data, position }. When it has had the last, the program ends.
When an event fails, or on Ctrl-C, it says how many were done and how to go on. Places are as for
tidings history.

Examples:
  $ tidings replay order.created --to order.imported --since 2h --dry-run
  $ tidings replay order.created --to order.imported --since 2h --rate 500
  $ tidings replay "order.*" --handler ./rebuild-index.mjs
  $ tidings replay order.created --handler ./rebuild-index.mjs --since 42-1@k3j9x2m4p8q1`,
    )
    .action(async (source: string, options: ReplayOptions, command: Command) => {
      const { to, handler, dryRun } = options
      if ((to === undefined) === (handler === undefined)) throw new UsageError('Give either --to or --handler.')
      if (to !== undefined) assertOther(source, to)
      if (handler !== undefined) await assertModule(handler)
      try {
        await withSession(command, (session) => replay(session, source, options))
      } finally {
        // What the module keeps open must not hold the program; the exit code is being set.
        if (handler !== undefined && !dryRun) setImmediate(() => process.exit())
      }
    })
}

async function replay({ connection, output }: Session, source: string, options: ReplayOptions): Promise<void> {
  const { since, until, limit, rate, dryRun = false, prefix } = options
  const ending = takeEnding(EXIT.interrupted)
  const target = dryRun ? undefined : await openTarget(options, source, connection)
  const bus = new EventBus({ redis: connection, channelPrefix: prefix, onError: complain })
  const bar = new ProgressBar(process.stderr)
  const report = new ReplayReport(output, dryRun)
  const tellInTime = () => {
    bar.end()
    report.stoppedInTheMiddle()
  }
  process.once('exit', tellInTime)
  try {
    const { events, lastPosition } = await bus.replay(
      source,
      async (event) => {
        if ((await target?.take(event)) === true) report.duplicates += 1
      },
      {
        since,
        until,
        limit,
        ratePerSecond: dryRun ? undefined : rate,
        signal: ending.signal,
        onGap: (gap) => {
          bar.end()
          showGap(gap, output)
        },
        onProgress: ({ done, total, position }) => {
          report.done(done, position)
          bar.show(done, total)
        },
      },
    )
    bar.end()
    report.finished(events, lastPosition)
  } catch (error) {
    bar.end()
    if (!(error instanceof TidingsError && wasUnderWay(error))) throw error
    report.stopped(error)
    if (error.code === 'ABORTED') process.exitCode = EXIT.interrupted
    else process.exitCode = EXIT.failure
  } finally {
    process.off('exit', tellInTime)
  }
}

/** Else it never began: then what is wrong is all there is to say. */
function wasUnderWay({ code, context }: TidingsError): boolean {
  return code === 'ABORTED' || code === 'HANDLER_FAILED' || context.events !== 0
}

async function openTarget(
  { to, handler, prefix, maxBytes }: ReplayOptions,
  source: string,
  connection: Session['connection'],
): Promise<ReplayTarget> {
  return to === undefined ? toModule(handler!) : toOtherType(connection, { source, to, prefix, maxBytes })
}
