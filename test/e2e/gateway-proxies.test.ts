import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Centrifuge, type Options } from 'centrifuge'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { ClientRequest, GatewayUser } from '../../src/gateway/contract.ts'
import { createGateway, type Gateway } from '../../src/gateway/gateway.ts'
import { emulationRoutes } from '../../src/gateway/streams/emulation-routes.ts'
import { EventBus } from '../../src/index.ts'
import { FetchEventSource } from '../support/event-source.ts'
import { eventually } from '../support/eventually.ts'
import { listenTo, upTo } from '../support/gateway.ts'
import { OpenGatekeeper } from '../support/open-gatekeeper.ts'
import { PROXIES, startProxy } from '../support/proxy.ts'
import { RedisServer } from '../support/redis-server.ts'

let redis: RedisServer
beforeAll(async () => {
  redis = await RedisServer.start()
})
afterAll(() => redis.stopWithoutLeaks())

const ending: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

/** Notes from where clients come. */
class NotingGatekeeper extends OpenGatekeeper {
  readonly ips: string[] = []

  override connect(token: string | undefined, request?: ClientRequest): Promise<GatewayUser> {
    if (request !== undefined) this.ips.push(request.ip)
    return super.connect(token)
  }
}

interface Node {
  readonly gateway: Gateway
  readonly bus: EventBus
  readonly server: Server
  readonly port: number
}

describe.each(Object.keys(PROXIES) as (keyof typeof PROXIES)[])(
  'two nodes behind %s, as configured in deploy/',
  (name) => {
    async function open(): Promise<{ readonly nodes: readonly Node[]; readonly ips: string[]; readonly port: number }> {
      const namespace = randomUUID()
      const gatekeeper = new NotingGatekeeper()
      const nodes: Node[] = []
      for (let n = 0; n < 2; n += 1) {
        const bus = new EventBus({ redis: redis.url, namespace, channelPrefix: '' })
        const gateway = createGateway({ bus, gatekeeper, trustProxy: true, routes: emulationRoutes })
        const server = createServer()
        gateway.attach(server)
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
        ending.push(async () => {
          await gateway.close(0)
          await bus.close()
          server.closeAllConnections()
          await new Promise((resolve) => server.close(resolve))
        })
        await gateway.ready
        nodes.push({ gateway, bus, server, port: (server.address() as AddressInfo).port })
      }
      const proxy = await startProxy(
        name,
        nodes.map(({ port }) => port),
      )
      ending.push(() => proxy.close())
      return { nodes, ips: gatekeeper.ips, port: proxy.port }
    }

    function connect(
      transport: 'websocket' | 'http_stream' | 'sse',
      port: number,
      options: Partial<Options> = {},
    ): Centrifuge {
      const scheme = transport === 'websocket' ? 'ws' : 'http'
      const endpoint = `${scheme}://127.0.0.1:${port}/connection/${transport}`
      const client = new Centrifuge([{ transport, endpoint }], {
        emulationEndpoint: `http://127.0.0.1:${port}/emulation`,
        websocket: WebSocket,
        eventsource: FetchEventSource,
        token: 'user:ada',
        minReconnectDelay: 50,
        maxReconnectDelay: 200,
        ...options,
      })
      ending.push(() => client.disconnect())
      client.connect()
      return client
    }

    test.each(['websocket', 'http_stream', 'sse'] as const)(
      '%s: each message comes at once, both ways',
      async (transport) => {
        const { nodes, port } = await open()
        const client = connect(transport, port)
        const { subscription, got } = listenTo(client, 'news')
        await subscription.ready()
        for (const n of upTo(5)) {
          await nodes[n % 2]!.bus.publisher.publish('news', n)
          await eventually(() => expect(got.at(-1)).toBe(n))
        }
        await client.publish('news', 6)
        await eventually(() => expect(got).toEqual(upTo(6)))
      },
    )

    test('a node knows from where its clients come, whatever they say themselves', async () => {
      const { ips, port } = await open()
      class Lying extends WebSocket {
        constructor(url: string | URL) {
          super(url, { headers: { 'x-forwarded-for': '203.0.113.7' } })
        }
      }
      await connect('websocket', port, { websocket: Lying }).ready()
      expect(ips).toEqual(['127.0.0.1'])
    })

    test('clients of a node that drains go on at the other one, and miss nothing', async () => {
      const { nodes, port } = await open()
      await nodes[0]!.bus.policies.apply({ 'log*': { history: { maxCount: 100_000 } } })
      await nodes[1]!.bus.connection.pubSub.readPolicies()
      const lists = upTo(6).map(() => listenTo(connect('websocket', port), 'log'))
      await Promise.all(lists.map(({ subscription }) => subscription.ready()))
      const [leaving, staying] = nodes as [Node, Node]
      expect([leaving.gateway.node.clients > 0, staying.gateway.node.clients > 0]).toEqual([true, true])
      let sent = 0
      let draining = true
      const sending = (async () => {
        while (draining) await staying.bus.publisher.publish('log', ++sent)
      })()
      await leaving.gateway.close(300)
      // The process ends.
      leaving.server.close()
      leaving.server.closeAllConnections()
      await eventually(() => expect(staying.gateway.node.clients).toBe(6), 15_000)
      draining = false
      await sending
      await eventually(() => {
        for (const { got } of lists) expect(got).toEqual(upTo(sent))
      }, 15_000)
    })

    test('what is for servers is not there from outside', async () => {
      const { port } = await open()
      for (const path of ['/api/publish', '/health/ready']) {
        expect((await fetch(`http://127.0.0.1:${port}${path}`)).status, path).toBe(404)
      }
    })
  },
)
