// A gateway inside a Fastify application: its own routes as ever, and WebSocket on the same port.
//
//   node examples/gateway-fastify.mjs
//   curl -X POST http://127.0.0.1:8000/login -H 'content-type: application/json' -d '{"user":"ada"}'
//   REDIS_URL=redis://127.0.0.1:6379 PORT=8001 node examples/gateway-fastify.mjs      where 8000 is taken
import { randomBytes } from 'node:crypto'
import Fastify from 'fastify'
import { EventBus, NotificationService } from 'tidings'
import { createGateway, jwtGatekeeper, mintToken, serverRoutes } from 'tidings/gateway'

const secret = process.env.TIDINGS_TOKEN_SECRET ?? randomBytes(32).toString('hex')
const bus = new EventBus({ redis: process.env.REDIS_URL ?? 'memory:' })
const notifications = new NotificationService({ redis: bus.connection })
const gateway = createGateway({
  bus,
  notifications,
  gatekeeper: jwtGatekeeper({
    keys: [{ alg: 'HS256', secret }],
    origins: process.env.TIDINGS_ORIGINS?.split(','),
    channels: { 'events:order.*': { subscribe: 'authenticated' } },
  }),
  routes: serverRoutes({ apiKeys: [], secret }),
})

const app = Fastify()
// Before Fastify reads the body. What is not the gateway's goes on to the routes below.
app.addHook('onRequest', (request, reply, next) => gateway.handler(request.raw, reply.raw, next))
gateway.attach(app.server)

app.post('/login', async (request) => {
  // Your own sign-in comes here.
  const expiresAt = new Date(Date.now() + 3_600_000)
  return { token: await mintToken({ secret, userId: request.body.user, expiresAt }) }
})

app.post('/orders', async (request, reply) => {
  const { user, item } = request.body
  await bus.emit('order.created', { item })
  await notifications.sendToUser(user, { type: 'success', title: 'Thank you!', message: `We have your ${item}.` })
  return reply.code(201).send({ item })
})

await gateway.ready
console.log(`listening on ${await app.listen({ port: Number(process.env.PORT ?? 8000), host: '127.0.0.1' })}`)

process.once('SIGINT', stop)
process.once('SIGTERM', stop)
async function stop() {
  await gateway.close() // clients are told to connect elsewhere, over five seconds
  await app.close()
  await notifications.close()
  await bus.close()
}
