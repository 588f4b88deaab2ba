#!/usr/bin/env node
import { CommanderError } from 'commander'
import { describeFailure, EXIT, exitCodeOf } from './failure.ts'
import { createProgram } from './program.ts'

/** Runs one command line and gives the exit code. Output may still be on its way: the process ends by itself. */
async function run(argv: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(argv)
    return EXIT.fine
  } catch (error) {
    // commander has said already what is wrong, or shown the help or version that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.usage
    process.stderr.write(`${describeFailure(error)}\n`)
    return exitCodeOf(error)
  }
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that has seen enough (`| head -1`) is no failure.
  if (error.code === 'EPIPE') return
  process.stderr.write(`${describeFailure(error)}\n`)
  process.exitCode = EXIT.failure
})
process.stderr.on('error', () => {})

const exitCode = await run(process.argv)
process.exitCode ??= exitCode
