import type { Command } from 'commander'
import { reportConnection } from './connection-report.ts'
import { aborted, takeEnding } from './ending.ts'
import { EXIT } from './failure.ts'
import type { JsonRecord, Reply } from './output.ts'
import { type Session, withSession } from './session.ts'

/** How a command that listens shows what it hears. */
export interface Listening extends Session {
  /** Prints that a subscription stands. */
  confirm(reply: Reply, record: JsonRecord): void
  /** Prints one message. Those that come before all subscriptions stand wait, so that confirmations come first. */
  show(reply: Reply, record: JsonRecord): void
}

/**
 * Subscribes, then prints what comes until it was enough: `count` messages, Ctrl-C, SIGTERM, or a reader of the
 * output that has gone. Says on stderr when the connection breaks and when it is back.
 */
export async function listen(
  command: Command,
  count: number | undefined,
  subscribe: (listening: Listening) => Promise<void>,
): Promise<void> {
  await withSession(command, async (session) => {
    const { output } = session
    const ending = takeEnding()
    const endReports = reportConnection(session.connection, session.redis)
    let failure: Error | undefined
    let shown = 0
    const print = (reply: Reply, record: JsonRecord): void => {
      if (ending.signal.aborted || shown === count) return
      output.print(reply, record)
      shown += 1
      if (shown === count) ending.stop()
      if (!output.overflowing) return
      failure = new Error('The reader of the output is too slow: 64 MiB are waiting for it.')
      ending.hurry(EXIT.failure)
    }
    let early: (() => void)[] | undefined = []
    try {
      output.remark('Reading messages... (press Ctrl-C to quit)\n')
      await subscribe({
        ...session,
        confirm: (reply, record) => output.print(reply, record),
        show: (reply, record) => (early === undefined ? print(reply, record) : early.push(() => print(reply, record))),
      })
      for (const one of early.splice(0)) one()
      early = undefined
      await aborted(ending.signal)
    } finally {
      endReports()
    }
    if (failure !== undefined) throw failure
  })
}
