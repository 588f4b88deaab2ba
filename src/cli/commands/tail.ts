import { once } from 'node:events'
import type { Command } from 'commander'
import type { Connection } from '../../connection/connection.ts'
import { TidingsError } from '../../core/errors.ts'
import type { Gap, Resumed } from '../../core/gap.ts'
import { escapeGlob } from '../../core/glob.ts'
import { PolicyTable } from '../../core/policy-match.ts'
import type { Event } from '../../messaging/event.ts'
import { EventBus } from '../../messaging/event-bus.ts'
import type { EventStream } from '../../messaging/event-stream.ts'
import { isPattern, startOrPlace, wholeNumber } from '../arguments.ts'
import { reportConnection } from '../connection-report.ts'
import { takeEnding } from '../ending.ts'
import { complain, EXIT } from '../failure.ts'
import { showGap } from '../gap-report.ts'
import { Json, type Output } from '../output.ts'
import { type Session, withSession } from '../session.ts'
import { prefixOption } from './prefix-option.ts'

interface TailOptions {
  readonly prefix: string
  readonly since?: 'start' | Date | string
  readonly count?: number
}

export function addTail(program: Command): void {
  program
    .command('tail')
    .description('Print the kept events of a type or pattern from some place on, then what comes, until Ctrl-C.')
    .argument('<type-or-pattern>', 'the event type, such as order.created; with *, ? or [ a pattern')
    .option(
      '--since <place>',
      'begin at a time, right after a position, or at the "start" (default: now)',
      startOrPlace,
    )
    .option('--count <n>', 'end after n events', wholeNumber)
    .addOption(prefixOption())
    .addHelpText(
      'after',
      `
A time is 2026-11-24T09:00:00Z, or a duration back from now: 30s, 10m, 2h, 7d. A position is what
append and history print; it belongs to one event type.
Prints four values for each event: position, type, timestamp, data. What a broken connection kept
away follows when it is back. What cannot be had any more is told on stderr, and the exit code is 1.

Examples:
  $ tidings tail order.created
  $ tidings tail "order.*" --since 10m
  $ tidings tail order.created --since 42-1@k3j9x2m4p8q1 --json | jq .data`,
    )
    .action(async (source: string, options: TailOptions, command: Command) => {
      await withSession(command, (session) => tail(session, source, options))
    })
}

async function tail(session: Session, source: string, { prefix, since, count }: TailOptions): Promise<void> {
  const { connection, output, redis } = session
  const ending = takeEnding()
  const endReports = reportConnection(connection, redis, 'what was appended meanwhile follows')
  const bus = new EventBus({ redis: connection, channelPrefix: prefix, onError: complain })
  let resumed: Resumed | undefined
  const onGap = (gap: Gap) => {
    // The hole right behind the place to begin at is told already.
    if (resumed?.kind === 'reset' && resumed.from === gap.from && resumed.to === gap.to) return
    showGap(gap, output)
  }
  const options = { since: since as Date | undefined, onGap, signal: ending.signal }
  try {
    await assertKept(connection, source, prefix)
    const events: EventStream = isPattern(source)
      ? await bus.subscribePattern(source, options)
      : await bus.subscribe(source, options)
    resumed = events.resumed
    begin(source, resumed, output)
    await print(events, count, output)
  } catch (error) {
    // Ctrl-C while it begins.
    if (!(error instanceof TidingsError && error.code === 'ABORTED')) throw error
  } finally {
    endReports()
  }
}

async function print(events: EventStream, count: number | undefined, output: Output): Promise<void> {
  let shown = 0
  for await (const { position = '', type, timestamp, data } of events as EventStream<Event>) {
    output.print([position, type, timestamp, new Json(data)], { kind: 'event', position, type, timestamp, data })
    shown += 1
    if (shown === count) return
    // The log waits for a slow reader of the output.
    if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain').catch(() => {})
  }
}

function begin(source: string, resumed: Resumed | undefined, output: Output): void {
  output.remark('Reading events... (press Ctrl-C to quit)\n')
  if (output.format === 'json') output.tell('', { kind: 'tail', source, resumed: resumed ?? null })
  if (resumed?.kind !== 'reset') return
  process.exitCode = EXIT.failure
  const { from, to, reason } = resumed
  if (output.format !== 'json') complain(`It cannot go on right after ${from}: ${reason}. It goes on after ${to}.`)
}

/** @throws TidingsError `NO_HISTORY` */
async function assertKept({ pubSub, eventLog }: Connection, source: string, prefix: string): Promise<void> {
  const kept = isPattern(source)
    ? new PolicyTable(await eventLog.policies()).mayLog(escapeGlob(prefix) + source)
    : await pubSub.logOf(prefix + source).then(Boolean, (error: unknown) => {
        if (error instanceof TidingsError && error.code === 'NO_HISTORY') return false
        throw error
      })
  if (kept) return
  throw new TidingsError('NO_HISTORY', `No policy keeps the history of "${source}".`, {
    context: { source },
    hint: 'Print its live events with "tidings on", or give it a policy: tidings policy --help.',
  })
}
