import type { Command } from 'commander'
import { connect } from '../connection/connect.ts'
import type { Connection } from '../connection/connection.ts'
import { silentLogger } from '../core/logger.ts'
import { connectFailure } from './failure.ts'
import { type Format, Output } from './output.ts'

export const DEFAULT_REDIS = 'redis://127.0.0.1:6379'

/** How long a person waits for an answer of Redis. */
const COMMAND_TIMEOUT_MS = 3_000

/** What every command works with. */
export interface Session {
  /** The address as it was given: it may hold a password. */
  readonly redis: string
  readonly connection: Connection
  readonly output: Output
}

interface GlobalOptions {
  readonly redis?: string
  readonly json?: boolean
  readonly namespace?: string
}

/** Where Redis is, if the command line or the environment says so. */
export function chosenRedis(command: Command): string | undefined {
  const { redis } = command.optsWithGlobals<GlobalOptions>()
  // An empty variable is what scripts write for "none".
  return redis ?? (process.env.REDIS_URL || undefined)
}

/** What the names of Tidings' own keys and channels begin with, if the command line says so. */
export function chosenNamespace(command: Command): string | undefined {
  return command.optsWithGlobals<GlobalOptions>().namespace
}

/** Where and in which form the command's results go. */
export function chosenOutput(command: Command): Output {
  const { json } = command.optsWithGlobals<GlobalOptions>()
  const format: Format = json ? 'json' : process.stdout.isTTY ? 'terminal' : 'raw'
  return new Output(process.stdout, format)
}

export async function openConnection(redis: string, namespace: string | undefined): Promise<Connection> {
  try {
    // Trouble is told on stderr by the commands themselves; without a logger it would warn there once more.
    return await connect(redis, { commandTimeoutMs: COMMAND_TIMEOUT_MS, logger: silentLogger, namespace })
  } catch (error) {
    throw connectFailure(error, redis)
  }
}

/** Connects, does the command's work, and gives the connection up whatever came of it. */
export async function withSession(command: Command, work: (session: Session) => Promise<void>): Promise<void> {
  const redis = chosenRedis(command) ?? DEFAULT_REDIS
  const output = chosenOutput(command)
  const connection = await openConnection(redis, chosenNamespace(command))
  try {
    await work({ redis, connection, output })
  } finally {
    await connection.close()
  }
}
