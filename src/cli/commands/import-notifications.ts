import type { Command } from 'commander'
import { TidingsError } from '../../core/errors.ts'
import { type ImportResult, importArticleLists } from '../../notifications/article-import.ts'
import { takeEnding } from '../ending.ts'
import { complain, EXIT, messageOf } from '../failure.ts'
import { ImportReport } from '../import-report.ts'
import { channelsOption } from '../notifications.ts'
import { ProgressBar } from '../progress-bar.ts'
import { type Session, withSession } from '../session.ts'

interface ImportOptions {
  readonly dryRun?: boolean
  readonly keyPattern: string
  readonly prefix: string
}

export function addImportNotifications(program: Command): void {
  program
    .command('import-notifications')
    .description('Bring notifications that were kept as lists of JSON into the inboxes of their users.')
    .option('--dry-run', 'read and count them, and do nothing else')
    .option('--key-pattern <pattern>', 'the names of the lists, * is the user', 'user:*:notifications')
    .addOption(channelsOption())
    .addHelpText(
      'after',
      `
A list is newest first, its items are {id,user_id,type,title,message,timestamp,read,data}; times
without a zone are UTC. They keep their times, and those that were read stay so. The lists are not
changed. What was imported within a week is not imported again, so it can be stopped and run again.
What cannot be imported is counted, the first ten are shown, and the exit code is 1.

Examples:
  $ tidings import-notifications --dry-run
  $ tidings import-notifications
  $ tidings import-notifications --key-pattern "shop:user:*:notifications" --json`,
    )
    .action(async (options: ImportOptions, command: Command) => {
      await withSession(command, (session) => bring(session, options))
    })
}

async function bring({ connection, output }: Session, options: ImportOptions): Promise<void> {
  const { dryRun = false, keyPattern, prefix } = options
  const { signal } = takeEnding(EXIT.interrupted)
  const bar = new ProgressBar(process.stderr)
  const report = new ImportReport(output, dryRun)
  try {
    const result = await importArticleLists(connection, {
      keyPattern,
      channelPrefix: prefix,
      dryRun,
      signal,
      onBad: (bad) => {
        process.exitCode = EXIT.failure
        if (!report.wantsBad()) return
        bar.end()
        report.bad(bad)
      },
      // To know the total takes a look at all keys.
      onProgress: process.stderr.isTTY ? ({ done, total }) => bar.show(done, total) : undefined,
    })
    bar.end()
    report.finished(result)
  } catch (error) {
    bar.end()
    if (!(error instanceof TidingsError && 'imported' in error.context)) throw error
    if (error.code !== 'ABORTED') complain(messageOf(error.cause))
    report.stopped(error.context as unknown as ImportResult)
    process.exitCode = error.code === 'ABORTED' ? EXIT.interrupted : EXIT.failure
  }
}
