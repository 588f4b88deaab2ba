import type { Connection } from '../connection/connection.ts'
import { addressOf, describeFailure } from './failure.ts'

/** Says on stderr, in one line each, when the connection breaks and when all is back. Returns what ends that. */
export function reportConnection(
  connection: Connection,
  redis: string,
  meanwhile: string = 'what was published meanwhile is gone',
): () => void {
  const address = addressOf(redis)
  return connection.pubSub.onStatus((status) => {
    if (status.kind === 'disconnected') say(`tidings: connection to ${address} lost, reconnecting…`)
    else if (status.kind === 'error') say(describeFailure(status.error))
    else if (status.kind === 'interruption') {
      const seconds = (status.downMs / 1000).toFixed(1)
      say(`tidings: connected again after ${seconds} s; ${meanwhile}`)
    }
  })
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
