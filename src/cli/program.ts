import { readFileSync } from 'node:fs'
import { type Argument, Command } from 'commander'
import { addAppend } from './commands/append.ts'
import { addBroadcast } from './commands/broadcast.ts'
import { addChannels } from './commands/channels.ts'
import { addDemo } from './commands/demo.ts'
import { addEmit } from './commands/emit.ts'
import { addHistory } from './commands/history.ts'
import { addImportNotifications } from './commands/import-notifications.ts'
import { addInbox } from './commands/inbox.ts'
import { addNotify } from './commands/notify.ts'
import { addNumpat } from './commands/numpat.ts'
import { addNumsub } from './commands/numsub.ts'
import { addOn } from './commands/on.ts'
import { addPolicy } from './commands/policy.ts'
import { addPsubscribe } from './commands/psubscribe.ts'
import { addPublish } from './commands/publish.ts'
import { addRecall } from './commands/recall.ts'
import { addReplay } from './commands/replay.ts'
import { addRequest } from './commands/request.ts'
import { addServe } from './commands/serve.ts'
import { addStats } from './commands/stats.ts'
import { addSubscribe } from './commands/subscribe.ts'
import { addTail } from './commands/tail.ts'
import { addToken } from './commands/token.ts'
import { printable } from './escape.ts'
import { DEFAULT_REDIS } from './session.ts'

/** Longer lines are hard to read. */
const MAX_HELP_WIDTH = 100

const AFTER_HELP = `
A URL with a password belongs in REDIS_URL: other users of the machine can see command lines.

Exit codes:
  0  done; also after Ctrl-C on a command that listens
  1  it failed: Redis is away or refuses, nobody answers, a log has a hole, …
  2  the command line is wrong

Examples:
  $ tidings serve --dev
  $ tidings subscribe notifications alerts
  $ tidings publish notifications "Hello, World!"
  $ tidings on --pattern "order.*"
  $ tidings emit order.created '{"orderId":"ORD-123"}'
  $ tidings history "order.*" --since 2h
  $ tidings notify user123 "Welcome!"

"tidings <command> --help" shows more of each.`

function version(): string {
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

function helpWidth(): number {
  return Math.min(process.stdout.columns || MAX_HELP_WIDTH, MAX_HELP_WIDTH)
}

function subcommandTerm(command: Command): string {
  return [command.name(), ...command.registeredArguments.map(argumentTerm)].join(' ')
}

function argumentTerm(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`
  return argument.required ? `<${name}>` : `[${name}]`
}

/** The whole command line. Parsing throws commander's `CommanderError` instead of ending the process. */
export function createProgram(): Command {
  const program = new Command('tidings')
    .description('Live messages and events on the Redis that you already run.')
    .version(version())
    .option('--redis <url>', `where Redis is (default: the variable REDIS_URL, else ${DEFAULT_REDIS})`)
    .option('--namespace <name>', "what the names of Tidings' own keys and channels begin with (default: tidings)")
    .option('--json', 'one JSON object per line, with stable names')
    .configureHelp({ showGlobalOptions: true, helpWidth: helpWidth(), subcommandTerm })
    .configureOutput({
      outputError: (text, write) => {
        const line = text
          .replace(/^error: /, '')
          .trimEnd()
          .replaceAll('\n', ' ')
        write(`tidings: ${printable(line)}\n`)
      },
    })
    .showHelpAfterError('Add --help to see how it is used.')
    .exitOverride()
    .addHelpText('after', AFTER_HELP)
  for (const add of [
    addPublish,
    addSubscribe,
    addPsubscribe,
    addEmit,
    addOn,
    addAppend,
    addHistory,
    addTail,
    addReplay,
    addPolicy,
    addRequest,
    addNotify,
    addBroadcast,
    addInbox,
    addRecall,
    addImportNotifications,
    addToken,
    addChannels,
    addNumsub,
    addNumpat,
    addServe,
    addStats,
    addDemo,
  ]) {
    add(program)
  }
  return program
}
