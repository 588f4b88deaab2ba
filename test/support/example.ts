import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'

const folder = fileURLToPath(new URL('../../examples', import.meta.url))

/** An example that serves, in a process of its own. */
export interface ServingExample {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  /** What it has printed. */
  output(): string
  /** Sends SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>
  /** For the end of a test, in whatever state. Idempotent. */
  kill(): void
}

export async function serveExample(name: string, env: Readonly<Record<string, string>>): Promise<ServingExample> {
  const child = spawn(process.execPath, [`${folder}/${name}`], { env: { ...process.env, PORT: '0', ...env } })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (printed += data))
  const kill = () => killNow(child)
  try {
    const url = await eventually(() => {
      const found = /listening on (http:\S+)/.exec(printed)?.[1]
      if (found === undefined) throw new Error(`${name} does not listen, but says: ${printed}`)
      return found
    }, 15_000)
    return { url, output: () => printed, stop: () => terminate(child), kill }
  } catch (error) {
    kill()
    throw error
  }
}

async function terminate(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    await gone
  }
  return child.exitCode
}

function killNow(child: ChildProcess): void {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
}
