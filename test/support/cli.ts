import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>
  /** What stdin holds; without it stdin is empty. */
  readonly input?: string | Uint8Array
  /** Give the program a terminal for stdin, stdout and stderr, which all come out as stdout. */
  readonly terminal?: boolean
}

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly bytes: Buffer
  readonly tookMs: number
}

const running = new Set<ChildProcess>()

/** Ends what a failed test has left running. */
export function killRuns(): void {
  for (const child of running) child.kill('SIGKILL')
}

/** One run of a program, the built `tidings` by default, watched from outside. */
export class CliRun {
  readonly child: ChildProcess
  readonly #startedAt = performance.now()
  readonly #out: Buffer[] = []
  readonly #err: Buffer[] = []
  readonly #ended: Promise<unknown[]>

  constructor(command: readonly string[], options: CliOptions = {}) {
    // What a person's shell would not have, and Node asks for when it decides on colours.
    const { REDIS_URL: _, NO_COLOR: _none, FORCE_COLOR: _forced, CI: _ci, ...env } = process.env
    const [file, args] = options.terminal ? inTerminal(command) : [command[0]!, command.slice(1)]
    this.child = spawn(file, args, { env: { ...env, TERM: 'xterm', ...options.env } })
    this.child.stdout!.on('data', (chunk: Buffer) => this.#out.push(chunk))
    this.child.stderr!.on('data', (chunk: Buffer) => this.#err.push(chunk))
    // A program that ends without reading its input is fine.
    this.child.stdin!.on('error', () => {})
    // A terminal's stdin stays open, or the program in it would be hung up on.
    if (!options.terminal) this.child.stdin!.end(options.input ?? '')
    running.add(this.child)
    this.#ended = once(this.child, 'close').finally(() => running.delete(this.child))
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#out)
  }

  get stdout(): string {
    return this.bytes.toString()
  }

  get stderr(): string {
    return Buffer.concat(this.#err).toString()
  }

  /** Waits until stdout (or stderr) holds the text. */
  async shows(text: string, where: 'stdout' | 'stderr' = 'stdout'): Promise<void> {
    await eventually(() => {
      if (this[where].includes(text)) return
      throw new Error(`never showed ${JSON.stringify(text)}\nstdout: ${this.stdout}\nstderr: ${this.stderr}`)
    }, 15_000)
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name)
  }

  /** Types into the terminal. */
  type(keys: string): void {
    this.child.stdin!.write(keys)
  }

  async end(): Promise<CliResult> {
    const [code] = await this.#ended
    const tookMs = performance.now() - this.#startedAt
    return { code: code as number | null, stdout: this.stdout, stderr: this.stderr, bytes: this.bytes, tookMs }
  }
}

/** util-linux's script runs a command on a pseudo-terminal and hands its exit code on. */
function inTerminal(command: readonly string[]): [string, string[]] {
  const line = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ')
  return ['script', ['-qec', `exec ${line}`, '/dev/null']]
}

/** Starts `tidings` with these arguments. */
export function startCli(args: readonly string[], options: CliOptions = {}): CliRun {
  return new CliRun([process.execPath, BIN, ...args], options)
}

/** Runs `tidings` to its end. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startCli(args, options).end()
}
