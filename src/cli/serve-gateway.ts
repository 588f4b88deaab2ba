import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Command } from 'commander'
import type { TidingsError } from '../core/errors.ts'
import { jwtGatekeeper } from '../gateway/auth/jwt-gatekeeper.ts'
import type { GatewayConfig } from '../gateway/config/gateway-config.ts'
import { gatekeeperOptions, loadConfig, portOf } from '../gateway/config/load-config.ts'
import { devParts } from '../gateway/dev.ts'
import { createGateway, type Gateway } from '../gateway/gateway.ts'
import { pageRoutes } from '../gateway/page-routes.ts'
import { serverRoutes } from '../gateway/server-routes.ts'
import { EventBus } from '../messaging/event-bus.ts'
import { NotificationService } from '../notifications/notification-service.ts'
import { reportConnection } from './connection-report.ts'
import { addressOf, describeFailure, UsageError } from './failure.ts'
import { DEFAULT_PORT, type ServeOptions } from './serve-options.ts'
import { chosenNamespace, chosenOutput, chosenRedis, DEFAULT_REDIS, openConnection } from './session.ts'

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])
/** Milliseconds for what is still to be done after the drain. */
const END_MS = 5_000
/** Each takes some kilobytes, and a file descriptor. */
const MAX_CONNECTIONS = 100_000
/** Who sends half of something is not waited for. */
const SERVER = {
  headersTimeout: 6_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
}
/** In `--dev`, so that there is something to recover. */
const DEV_POLICIES = { '*': { history: { maxCount: 1_000, maxAgeMs: 86_400_000 } } }

/** Opens a gateway and serves until the process is told to end. */
export async function serve(options: ServeOptions, command: Command): Promise<void> {
  const output = chosenOutput(command)
  const config = await configOf(options)
  const redis = chosenRedis(command) ?? config.redis ?? (options.dev ? 'memory:' : DEFAULT_REDIS)
  const connection = await openConnection(redis, chosenNamespace(command) ?? config.namespace)
  const endReports = reportConnection(connection, redis)
  const bus = new EventBus({ redis: connection })
  const onError = (error: TidingsError) => process.stderr.write(`${describeFailure(error)}\n`)
  const notifications = new NotificationService({ redis: connection, onError })
  let gateway: Gateway | undefined
  let server: Server | undefined
  try {
    const host = config.host ?? '127.0.0.1'
    server = createServer(SERVER)
    server.maxConnections = MAX_CONNECTIONS
    await listen(server, config.port ?? DEFAULT_PORT, host)
    const { port } = server.address() as AddressInfo
    gateway = await open({ options, config, bus, notifications, port, onError })
    gateway.attach(server)
    await gateway.ready
    const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
    const where = redis.startsWith('memory:') ? 'in memory' : `on Redis at ${addressOf(redis)}`
    output.tell(greeting(url, where, options.dev === true), { kind: 'listening', url, dev: options.dev === true })
    await ended(options.drainMs)
    output.tell('Draining.\n', { kind: 'draining' })
    await gateway.close(options.drainMs)
  } finally {
    endReports()
    await gateway?.close(0)
    await notifications.close()
    await bus.close()
    await connection.close()
    server?.closeAllConnections()
    server?.close()
  }
}

/** What was written, under what the command line says. */
async function configOf(options: ServeOptions): Promise<GatewayConfig> {
  const given = {
    ...(options.host !== undefined && { host: options.host }),
    ...(options.port !== undefined && { port: options.port }),
  }
  if (!options.dev) return { ...(await loadConfig({ file: options.config })).config, ...given }
  if (options.config !== undefined) throw new UsageError('--dev has a configuration of its own: leave out --config.')
  if (options.host !== undefined && !LOOPBACK.has(options.host)) {
    throw new UsageError(
      `--dev lets everybody do everything, so it listens on this machine alone, not on ${options.host}.`,
    )
  }
  const { PORT } = process.env
  return { ...(PORT !== undefined && PORT !== '' && { port: portOf(PORT) }), ...given }
}

interface OpenOptions {
  readonly options: ServeOptions
  readonly config: GatewayConfig
  readonly bus: EventBus
  readonly notifications: NotificationService
  readonly port: number
  readonly onError: (error: TidingsError) => void
}

async function open({ options, config, bus, notifications, port, onError }: OpenOptions): Promise<Gateway> {
  const { limits, name, trustProxy } = config
  if (!options.dev) {
    const gatekeeper = jwtGatekeeper(gatekeeperOptions(config, onError))
    const routes = serverRoutes({ apiKeys: config.apiKeys ?? [], secret: config.tokenSecret })
    return createGateway({ bus, notifications, gatekeeper, limits, name, trustProxy, routes, onError })
  }
  if (Object.keys(await bus.policies.get()).length === 0) await bus.policies.apply(DEV_POLICIES)
  const origins = [...LOOPBACK].map((host) => `http://${host.includes(':') ? `[${host}]` : host}:${port}`)
  const dev = devParts(bus, notifications, origins)
  const served = serverRoutes({ apiKeys: [], secret: undefined })
  const routes: typeof served = (node) => [...dev.routes, ...pageRoutes(), ...served(node)]
  return createGateway({ bus, notifications, gatekeeper: dev.gatekeeper, rpc: dev.rpc, routes, onError })
}

function greeting(url: string, where: string, dev: boolean): string {
  if (!dev) return `Tidings serves at ${url}, ${where}.\n`
  return [
    `Tidings is at ${url}, ${where}. Open it in a browser; Ctrl-C ends it.`,
    'This is for trying it out: whoever reaches this address may do everything, so it listens on this machine alone.',
    '',
  ].join('\n')
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'something else listens there' : cause.message
      reject(new UsageError(`It cannot listen on ${host}:${port}: ${why}. Choose another with --port.`, { cause }))
    })
    server.listen(port, host, resolve)
  })
}

/** Resolves when the process is told to end; told twice, or stuck, it ends at once. */
function ended(drainMs: number): Promise<void> {
  return new Promise((resolve) => {
    let told = false
    const onSignal = () => {
      if (told) process.exit(130)
      told = true
      setTimeout(() => process.exit(1), drainMs + END_MS).unref()
      resolve()
    }
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  })
}
