import { randomUUID } from 'node:crypto'
import { type Command, CommanderError } from 'commander'
import { afterEach, expect, test, vi } from 'vitest'
import { describeFailure, exitCodeOf, UsageError } from '../../src/cli/failure.ts'
import { createProgram } from '../../src/cli/program.ts'
import { TidingsError } from '../../src/index.ts'
import { runCli } from '../support/cli.ts'
import { Chance, enough, heapInUse, inputs, SEED } from '../support/fuzz.ts'

const COUNT = inputs(20_000)
afterEach(() => {
  vi.restoreAllMocks()
})

const ALPHABET = [
  ...'abcxyz0123456789-_.=:*?[]{}"\'\\/ \n\r\t\0\x1b\x7fé\u202e\ud800',
  ...['--', '__proto__', 'start', '10m', '1e9', '∞', '%s', '$(x)'],
]
const WORDS = [
  ...['', '-', '--', '---', '-1', '0', '1', '1e3', '0x10', '10m', '99999999999d', '2026-02-30', '2026-11-24', 'start'],
  ...['1-1@k3j9x2m4p8q1', 'order.*', '*', 'a b', '__proto__', 'constructor', 'toString', '{"a":1}', '{', '[]', 'null'],
  ...[
    'a=1',
    '=',
    'a=',
    'a={',
    'sub=1',
    '__proto__=1',
    '\x1b[31m',
    'a\nb',
    'x'.repeat(2_000),
    '\ud800',
    'ada',
    'events:',
  ],
]

/** Every command, with those that are below another. */
function all(command: Command): Command[] {
  return [command, ...command.commands.flatMap(all)]
}

/** Command lines, most of which begin as they should. */
function lines(chance: Chance): () => string[] {
  const commands = all(createProgram()).map((command) => {
    const path: string[] = []
    for (let at: Command | null = command; at?.parent; at = at.parent) path.unshift(at.name())
    const flags = [...command.options, ...createProgram().options].flatMap(({ short, long }) => [short, long])
    return { path, flags: [...flags.filter((flag) => flag != null), '--help', '-h', '--version'] }
  })
  const word = () => {
    const kind = chance.below(4)
    if (kind < 2) return chance.one(WORDS)
    return kind === 2 ? chance.text(ALPHABET, 12) : chance.mutant(chance.one(WORDS), ALPHABET, WORDS)
  }
  return () => {
    const { path, flags } = chance.one(commands)
    const rest = Array.from({ length: chance.below(7) }, () => {
      if (chance.below(2) === 0) return word()
      const flag = chance.one(flags)
      return chance.below(4) === 0 ? `${flag}=${word()}` : flag
    })
    return chance.below(10) === 0 ? rest : [...path, ...rest]
  }
}

/** What a process would print: only these are told in one line without more. */
function isTold(error: unknown): boolean {
  return error instanceof CommanderError || error instanceof UsageError || error instanceof TidingsError
}

test(`arguments at random are taken, or refused in one line (seed ${SEED})`, { timeout: enough(COUNT) }, async () => {
  const program = createProgram()
  const told: string[] = []
  let acted = 0
  for (const command of all(program)) {
    command.configureOutput({ writeOut: () => {}, writeErr: (text) => told.push(text) })
    // Only what is written is looked at here.
    if (command.registeredArguments.length > 0 || command.commands.length === 0) {
      command.action(() => {
        acted += 1
      })
    }
  }
  const line = lines(new Chance(SEED))
  let usedBefore = 0
  for (let n = 0; n < COUNT; n += 1) {
    if (n === Math.floor(COUNT / 4)) usedBefore = await heapInUse()
    const args = line()
    told.length = 0
    try {
      await program.parseAsync(args, { from: 'user' })
    } catch (error) {
      if (!isTold(error)) throw new Error(`${JSON.stringify(args)} is a crash: ${String(error)}`, { cause: error })
      // No terminal is steered by what was typed.
      expect(told.join('')).not.toMatch(/[^\n\P{Cc}]/u)
    }
  }
  expect(acted).toBeGreaterThan(COUNT / 100)
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
  expect((await heapInUse()) - usedBefore).toBeLessThan(20_000_000)
})

/** Commands that end by themselves. */
const ENDING = /^(publish|emit|append|history|policy|notify|broadcast|inbox|recall|token|channels|numsub|numpat)$/

test(`commands do what arguments at random ask for, or say why not (seed ${SEED})`, {
  timeout: enough(COUNT),
}, async () => {
  const printed = vi.spyOn(process.stdout, 'write').mockImplementation((_text, encoding?: unknown, done?: unknown) => {
    for (const call of [encoding, done]) if (typeof call === 'function') call()
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
  vi.stubEnv('TIDINGS_TOKEN_SECRET', 'a secret that only tests know, and long enough')
  vi.stubEnv('REDIS_URL', `memory:${randomUUID()}`)
  const line = lines(new Chance(SEED))
  for (let n = 0; n < COUNT / 20; ) {
    const args = line()
    // Neither another place than this memory, nor what stdin holds.
    if (!ENDING.test(args[0] ?? '') || args.some((word) => word === '-' || word.startsWith('--redis'))) continue
    n += 1
    try {
      await createProgram().parseAsync(args, { from: 'user' })
    } catch (error) {
      if (!isTold(error)) throw new Error(`${JSON.stringify(args)} is a crash: ${String(error)}`, { cause: error })
      expect(describeFailure(error)).not.toContain('\n')
      expect([1, 2]).toContain(exitCodeOf(error))
    }
  }
  expect(printed).toHaveBeenCalled()
  vi.unstubAllEnvs()
})

test(`processes end with 0, 1 or 2 and no trace of a stack (seed ${SEED})`, { timeout: 120_000 }, async () => {
  const line = lines(new Chance(SEED))
  for (let n = 0; n < 10; ) {
    const args = line()
    // What listens would not end, and no argument of a process has a NUL.
    if (!ENDING.test(args[0] ?? '') || args.some((word) => word.includes('\0') || word.startsWith('--redis'))) continue
    n += 1
    const { code, stderr } = await runCli(args, { env: { REDIS_URL: `memory:${randomUUID()}` } })
    expect([args, [0, 1, 2].includes(code!)]).toEqual([args, true])
    expect(stderr).not.toMatch(/^ {4}at /m)
  }
})
