import { EXIT } from './failure.ts'

/** How long a command that was told to stop has for giving up its connection; then it ends anyway. */
const CLOSE_WITHIN_MS = 900

/** npm passes on to its script the Ctrl-C that the terminal has sent to both: two in this time are one. */
const SAME_SIGNAL_MS = 300

/** The end of a command that runs until it is told to stop. */
export interface Ending {
  readonly signal: AbortSignal
  /** Asks for the end: all is seen that was asked for. What was written still reaches its reader. */
  stop(): void
  /** Asks for the end within a second, whether or not what was written reaches its reader. */
  hurry(exitCode: number): void
}

/**
 * Takes over SIGINT and SIGTERM for the rest of the process. The first, like a reader of stdout that has gone
 * (`| head -1`), asks for a clean end within a second; another one ends the process at once.
 * @param exitCode what a signal's clean end gives, if that takes too long; the command sets it otherwise
 */
export function takeEnding(exitCode: number = EXIT.fine): Ending {
  const controller = new AbortController()
  const { signal } = controller
  let signalledAt = Number.NEGATIVE_INFINITY
  const hurry = (exitCode: number): void => {
    controller.abort()
    setTimeout(() => process.exit(exitCode), CLOSE_WITHIN_MS).unref()
  }
  const onSignal = (): void => {
    const now = performance.now()
    if (now - signalledAt < SAME_SIGNAL_MS) return
    if (signal.aborted) process.exit(EXIT.interrupted)
    signalledAt = now
    hurry(exitCode)
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  process.stdout.once('error', () => hurry(EXIT.fine))
  return { signal, stop: () => controller.abort(), hurry }
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
