import type { Command } from 'commander'
import { isBroadcastId } from '../../notifications/broadcast-log.ts'
import { EXIT, UsageError } from '../failure.ts'
import { channelsOption, withNotifications } from '../notifications.ts'

interface RecallOptions {
  readonly user?: string
  readonly prefix: string
}

export function addRecall(program: Command): void {
  program
    .command('recall')
    .description('Take a broadcast back from everybody, or a notification from its user.')
    .argument('<id>', 'the id that it was sent with')
    .option('--user <user>', 'whose notification it is; not for a broadcast')
    .addOption(channelsOption())
    .addHelpText(
      'after',
      `
Prints changed; already, if it had been recalled; or unknown, and then the exit code is 1.

Examples:
  $ tidings recall b_k3j9x2m4p8q1
  $ tidings recall n7-1@m4p8q1k3j9x2 --user user123`,
    )
    .action(async (id: string, { user, prefix }: RecallOptions, command: Command) => {
      if (isBroadcastId(id) !== (user === undefined)) {
        throw new UsageError(
          user === undefined
            ? 'Say with --user whose notification it is. Only the id of a broadcast, b_…, stands alone.'
            : 'This is the id of a broadcast: it is recalled for everybody, without --user.',
        )
      }
      await withNotifications(command, { prefix }, async (service, output) => {
        const outcome = await (user === undefined ? service.recallBroadcast(id) : service.recall(user, id))
        output.print(outcome, { id, userId: user ?? null, outcome })
        if (outcome === 'unknown') process.exitCode = EXIT.failure
      })
    })
}
