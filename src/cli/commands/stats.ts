import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { TidingsError } from '../../core/errors.ts'
import { Monitor } from '../../monitor/monitor.ts'
import { milliseconds } from '../arguments.ts'
import { reportConnection } from '../connection-report.ts'
import { takeEnding } from '../ending.ts'
import type { Output } from '../output.ts'
import { type Overview, overviewOf, overviewText } from '../overview.ts'
import { type Session, withSession } from '../session.ts'

const CLEAR_SCREEN = '\u001b[H\u001b[2J'

/** Lines of the terminal that the table of channels leaves to the rest. */
const OTHER_LINES = 5

interface StatsOptions {
  readonly watch?: boolean
  readonly intervalMs: number
}

export function addStats(program: Command): void {
  program
    .command('stats')
    .description('Show who listens: channels, their subscribers, and the number of patterns.')
    .argument('[pattern]', 'only the channels that match this Redis glob', '*')
    .option('--watch', 'go on showing it, until Ctrl-C')
    .option('--interval-ms <n>', 'with --watch: how often', milliseconds, 1_000)
    .addHelpText(
      'after',
      `
Subscribers are connections that subscribed to a channel by its name. Of patterns, Redis tells only
how many different ones there are.

Examples:
  $ tidings stats
  $ tidings stats "user:*" --watch
  $ tidings stats --json | jq .subscribers`,
    )
    .action(async (pattern: string, options: StatsOptions, command: Command) => {
      await withSession(command, async (session) => {
        const monitor = new Monitor({ redis: session.connection })
        if (options.watch) await watch(session, monitor, pattern, options.intervalMs)
        else show(session.output, overviewOf(await monitor.snapshot(pattern)), '')
      })
    })
}

async function watch(session: Session, monitor: Monitor, pattern: string, intervalMs: number): Promise<void> {
  const { signal } = takeEnding()
  const { output } = session
  const before = output.format === 'terminal' ? CLEAR_SCREEN : ''
  const endReports = reportConnection(session.connection, session.redis)
  try {
    while (!signal.aborted) {
      const overview = await monitor.snapshot(pattern).then(overviewOf).catch(toleratePause)
      if (overview !== undefined && !signal.aborted) show(output, overview, before)
      await delay(intervalMs, undefined, { signal }).catch(() => {})
    }
  } finally {
    endReports()
  }
}

function show(output: Output, overview: Overview, before: string): void {
  const rows = before === '' ? Number.POSITIVE_INFINITY : Math.max(1, (process.stdout.rows || 24) - OTHER_LINES)
  output.tell(`${before}${overviewText(overview, rows)}`, { ...overview })
}

/** Redis may be away for a while: stderr says so, and the next look may succeed. */
function toleratePause(error: unknown): undefined {
  const away = ['NOT_CONNECTED', 'CONNECTION_LOST', 'TIMEOUT', 'CLOSED']
  if (!(error instanceof TidingsError && away.includes(error.code))) throw error
}
