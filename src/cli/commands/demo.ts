import type { Command } from 'commander'
import { seconds } from '../arguments.ts'
import { reportConnection } from '../connection-report.ts'
import { createPaint } from '../demo/paint.ts'
import { CAST, DEMO_NAMESPACE, DEMO_PREFIX, playShow } from '../demo/show.ts'
import { Stage } from '../demo/stage.ts'
import { takeEnding } from '../ending.ts'
import { addressOf } from '../failure.ts'
import { chosenOutput, chosenRedis, openConnection } from '../session.ts'

const IN_MEMORY = `Events travel in the memory of this process. To see them on your Redis:
  REDIS_URL=redis://127.0.0.1:6379 tidings demo`

export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('Show live events: handlers, patterns, a stream, requests, a failing handler. Needs no Redis.')
    .option('--seconds <n>', 'end by itself after n seconds', seconds)
    .addHelpText(
      'after',
      `
It runs in memory, or on the Redis that --redis or REDIS_URL names. There its channels begin with
"${DEMO_PREFIX}", so that it meets no events of yours.

Examples:
  $ tidings demo
  $ tidings demo --seconds 10
  $ tidings demo --redis redis://127.0.0.1:6379`,
    )
    .action(async (options: { seconds?: number }, command: Command) => {
      const redis = chosenRedis(command) ?? 'memory:'
      const stage = new Stage(chosenOutput(command), createPaint(process.stdout))
      const inMemory = redis.startsWith('memory:')
      const connection = await openConnection(redis, DEMO_NAMESPACE)
      const { signal, stop } = takeEnding()
      const endReports = reportConnection(connection, redis)
      if (options.seconds !== undefined) setTimeout(stop, options.seconds * 1_000).unref()
      try {
        const where = inMemory ? IN_MEMORY : onRedis(addressOf(redis))
        stage.introduce('Tidings demo: the parts of a small shop talk by events. Ctrl-C ends it.', where, CAST)
        await playShow(connection, stage, signal)
      } finally {
        endReports()
        await connection.close()
      }
    })
}

function onRedis(address: string): string {
  const server = address.startsWith('/') ? `-s ${address}` : `-u redis://${address}`
  return `Events travel through Redis at ${address}. To read along in another terminal:
  redis-cli ${server} psubscribe "${DEMO_PREFIX}*"`
}
