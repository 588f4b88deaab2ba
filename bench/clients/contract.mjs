/**
 * What every arm offers to the workloads, as thin as it can be: the arm's library is measured, not this layer.
 *
 * @typedef {{
 *   publish: (channel: string, text: string) => Promise<number | { receivers: number }>,
 *   close: () => Promise<unknown>,
 * }} PublishingClient
 *
 * @typedef {(message: any) => void} Handler Gets the parsed JSON of one message.
 *
 * @typedef {{
 *   subscribe: (channel: string, handlers: readonly Handler[]) => Promise<unknown>,
 *   psubscribe?: (patterns: readonly string[], handler: Handler) => Promise<unknown>,
 *   close: () => Promise<unknown>,
 * }} ReceivingClient
 *
 * @typedef {{
 *   publisher: (url: string) => Promise<PublishingClient>,
 *   receiver: (url: string) => Promise<ReceivingClient>,
 * }} Client
 */

/** How many patterns go into one command, for the clients that take many. */
export const PATTERNS_PER_COMMAND = 512

/** How tables and plots call them. @type {Record<string, string>} */
export const clientNames = {
  tidings: 'Tidings',
  'tidings-append': 'Tidings, append',
  'tidings-emit': 'Tidings, emit with history',
  'tidings-logged': 'Tidings, with history',
  ioredis: 'ioredis',
  'ioredis-auto': 'ioredis, auto-pipelining',
  'node-redis': 'node-redis',
}
