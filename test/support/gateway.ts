import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Centrifuge, type Options, type PublicationContext, type Subscription } from 'centrifuge'
import { WebSocket } from 'ws'
import { createGateway, type Gateway } from '../../src/gateway/gateway.ts'
import type { GatewayOptions } from '../../src/gateway/gateway-options.ts'
import { type ConnectionOptions, EventBus, NotificationService } from '../../src/index.ts'
import { OpenGatekeeper } from './open-gatekeeper.ts'

/** A gateway on a port of its own, with everything that belongs to it. */
export interface TestGateway {
  readonly gateway: Gateway
  readonly bus: EventBus
  readonly notifications: NotificationService
  readonly gatekeeper: OpenGatekeeper
  readonly server: Server
  readonly port: number
  /** Of the WebSocket. */
  readonly url: string
  close(): Promise<void>
}

export interface TestGatewayOptions extends Pick<GatewayOptions, 'limits' | 'routes' | 'rpc' | 'onError'> {
  readonly connection: ConnectionOptions
  /** Of the notifications. */
  readonly channelPrefix?: string | undefined
}

export async function openGateway({ connection, channelPrefix, ...options }: TestGatewayOptions): Promise<TestGateway> {
  const bus = new EventBus({ ...connection, channelPrefix: '' })
  const notifications = new NotificationService({ redis: bus.connection, ...(channelPrefix && { channelPrefix }) })
  const gatekeeper = new OpenGatekeeper()
  const gateway = createGateway({ bus, notifications, gatekeeper, ...options })
  await gateway.ready
  const server = createServer()
  gateway.attach(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = async () => {
    await gateway.close(0)
    await notifications.close()
    await bus.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  const url = `ws://127.0.0.1:${port}/connection/websocket`
  return { gateway, bus, notifications, gatekeeper, server, port, url, close }
}

/** A real client that connects. */
export function connectClient(url: string, options: Partial<Options> = {}): Centrifuge {
  const client = new Centrifuge(url, {
    websocket: WebSocket,
    minReconnectDelay: 50,
    maxReconnectDelay: 200,
    ...options,
  })
  client.connect()
  return client
}

export interface Listening {
  readonly subscription: Subscription
  /** The data of what came. */
  readonly got: unknown[]
  readonly publications: PublicationContext[]
}

export function listenTo(client: Centrifuge, channel: string): Listening {
  const subscription = client.newSubscription(channel)
  const got: unknown[] = []
  const publications: PublicationContext[] = []
  subscription.on('publication', (publication) => {
    got.push(publication.data)
    publications.push(publication)
  })
  subscription.subscribe()
  return { subscription, got, publications }
}

/** The whole numbers from `from` (1) to `count`. */
export const upTo = (count: number, from = 1): number[] =>
  Array.from({ length: count - from + 1 }, (_, index) => from + index)
