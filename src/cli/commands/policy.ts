import { isDeepStrictEqual } from 'node:util'
import type { Command } from 'commander'
import { TidingsError } from '../../core/errors.ts'
import type { EventLog } from '../../core/event-log.ts'
import type { Policies, Policy } from '../../core/policy.ts'
import { readPolicies } from '../../core/policy-match.ts'
import { changePolicies } from '../../log/change-policies.ts'
import { readJsonFile } from '../arguments.ts'
import { jsonLine, printable } from '../escape.ts'
import { EXIT, UsageError } from '../failure.ts'
import type { Output } from '../output.ts'
import { withSession } from '../session.ts'

const FILE = 'a JSON object of policies by channel pattern, or - for stdin'

/** What becomes of one pattern: without `before` it is new, without `after` it goes. */
interface Change {
  readonly pattern: string
  readonly before: Policy | undefined
  readonly after: Policy | undefined
}

export function addPolicy(program: Command): void {
  const policy = program
    .command('policy')
    .description('Show, compare or set what channels promise: their history and limits.')
    .addHelpText(
      'after',
      `
The patterns are over channels, which for events begin with a prefix: "events:order.*".
A file:
  { "events:order.*": { "history": { "maxCount": 10000, "maxAgeMs": 604800000 } } }

Examples:
  $ tidings policy show > policies.json
  $ tidings policy diff policies.json
  $ tidings policy apply policies.json`,
    )
  policy
    .command('show')
    .description('Print the policies that Redis holds, as a file that diff and apply take.')
    .addHelpText('after', '\nExamples:\n  $ tidings policy show > policies.json\n  $ tidings policy show --json')
    .action(async (_options: object, command: Command) => {
      await withSession(command, async ({ connection, output }) => {
        const { version, policies } = await connection.eventLog.policies()
        const lines = JSON.stringify(policies, null, 2).split('\n')
        output.tell(`${lines.map(printable).join('\n')}\n`, { version, policies })
      })
    })
  policy
    .command('diff')
    .description('Print what differs between a file and Redis; the exit code is 1 if anything does.')
    .argument('<file>', FILE)
    .addHelpText(
      'after',
      `
  +  only the file has the pattern
  -  only Redis has it; "apply" lets it be, "apply --replace" removes it
  ~  both have it, with another policy: that of Redis -> that of the file

Examples:
  $ tidings policy diff policies.json && echo the same`,
    )
    .action(async (file: string, _options: object, command: Command) => {
      const wanted = await readPolicyFile(file)
      await withSession(command, async ({ connection, output }) => {
        const { policies } = await connection.eventLog.policies()
        const changes = changesFrom(policies, wanted)
        show(changes, output)
        if (changes.length === 0) output.remark('No difference.\n')
        else process.exitCode = EXIT.failure
      })
    })
  policy
    .command('apply')
    .description('Set the policies of the patterns in a file; prints what that changed, as diff does.')
    .argument('<file>', FILE)
    .option('--replace', 'remove the policies of all other patterns')
    .addHelpText(
      'after',
      `
Running programs follow within about a second.

Examples:
  $ tidings policy apply policies.json
  $ tidings policy apply --replace policies.json
  $ echo '{"events:order.*":{"history":{"maxCount":1000}}}' | tidings policy apply -`,
    )
    .action(async (file: string, { replace = false }: { replace?: boolean }, command: Command) => {
      const wanted = await readPolicyFile(file)
      await withSession(command, async ({ connection, output }) => {
        const changes = await apply(connection.eventLog, wanted, replace)
        show(changes, output)
        if (changes.length === 0) output.remark('Nothing to change.\n')
      })
    })
}

async function readPolicyFile(file: string): Promise<Policies> {
  const { name, value } = await readJsonFile(file)
  try {
    return readPolicies(value)
  } catch (cause) {
    throw cause instanceof TidingsError ? new UsageError(`${name}: ${cause.message}`, { cause }) : cause
  }
}

/** Resolves to what it changed; where that is nothing, nothing was written. */
async function apply(eventLog: EventLog, wanted: Policies, replace: boolean): Promise<Change[]> {
  const nextOf = (policies: Policies) => (replace ? wanted : { ...policies, ...wanted })
  const before = await changePolicies(eventLog, (policies) => {
    const next = nextOf(policies)
    return changesFrom(policies, next).length === 0 ? policies : next
  })
  return changesFrom(before, nextOf(before))
}

function changesFrom(there: Policies, wanted: Policies): Change[] {
  const [before, after] = [new Map(Object.entries(there)), new Map(Object.entries(wanted))]
  return [...new Set([...before.keys(), ...after.keys()])]
    .sort()
    .map((pattern) => ({ pattern, before: before.get(pattern), after: after.get(pattern) }))
    .filter((change) => !isDeepStrictEqual(change.before, change.after))
}

function show(changes: readonly Change[], output: Output): void {
  for (const { pattern, before, after } of changes) {
    const [sign, kind] = before === undefined ? ['+', 'add'] : after === undefined ? ['-', 'remove'] : ['~', 'change']
    const policies = [before, after].filter((policy) => policy !== undefined).map(jsonLine)
    output.tell(`${sign} ${jsonLine(pattern)} ${policies.join(' -> ')}\n`, { kind, pattern, before, after })
  }
}
