import { TidingsError } from '../../core/errors.ts'

export interface QueueLimits {
  /** Messages accepted and not yet answered. Default 100,000. */
  readonly maxCount: number
  /** Their payloads' bytes together. Default 67,108,864. */
  readonly maxBytes: number
}

/** Why a message of so many bytes is not accepted, where so much waits already. */
export function refusal(bytes: number, waiting: number, waitingBytes: number, limits: QueueLimits): TidingsError {
  const { maxCount, maxBytes } = limits
  if (bytes > maxBytes) {
    return new TidingsError('MESSAGE_TOO_LARGE', `The message has ${bytes} bytes; "queue.maxBytes" is ${maxBytes}.`, {
      hint: 'It can never be accepted. Nothing was sent.',
      context: { bytes, maxBytes },
    })
  }
  return new TidingsError(
    'QUEUE_FULL',
    `The message was not accepted: ${waiting} messages (${waitingBytes} bytes) already wait for Redis.`,
    {
      hint: `The limits are ${maxCount} messages and ${maxBytes} bytes (option "queue"). Publish more slowly, or wait for earlier calls.`,
      context: { count: waiting, bytes: waitingBytes },
    },
  )
}
