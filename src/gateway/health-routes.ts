import type { GatewayNode } from './gateway-node.ts'
import type { HttpRoute } from './http/route.ts'

/** `live`: the process answers. `ready`: it takes clients, and a message has really made its way through Redis. */
export function healthRoutes(node: GatewayNode): readonly HttpRoute[] {
  return [
    { method: 'GET', path: '/health/live', handle: () => Response.json({ status: 'live' }) },
    {
      method: 'GET',
      path: '/health/ready',
      handle: async () => {
        const ready = !node.draining && (await node.probe.ready())
        return Response.json({ status: ready ? 'ready' : 'not ready' }, { status: ready ? 200 : 503 })
      },
    },
  ]
}
