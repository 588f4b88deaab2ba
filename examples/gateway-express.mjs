// A gateway inside an Express application: its own routes as ever, and WebSocket on the same port.
//
//   node examples/gateway-express.mjs         then: curl -X POST http://127.0.0.1:8000/login -d user=ada
//   REDIS_URL=redis://127.0.0.1:6379 PORT=8001 node examples/gateway-express.mjs      where 8000 is taken
import { randomBytes } from 'node:crypto'
import express from 'express'
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
  // What clients fall back to where WebSocket does not get through.
  routes: serverRoutes({ apiKeys: [], secret }),
})

const app = express()
// Before anything that reads bodies. What is not the gateway's goes on to the routes below.
app.use(gateway.handler)
app.use(express.urlencoded())

app.post('/login', async (request, response) => {
  // Your own sign-in comes here.
  const expiresAt = new Date(Date.now() + 3_600_000)
  response.json({ token: await mintToken({ secret, userId: request.body.user, expiresAt }) })
})

app.post('/orders', async (request, response) => {
  const { user, item } = request.body
  await bus.emit('order.created', { item })
  await notifications.sendToUser(user, { type: 'success', title: 'Thank you!', message: `We have your ${item}.` })
  response.status(201).json({ item })
})

const server = app.listen(Number(process.env.PORT ?? 8000), '127.0.0.1', async (error) => {
  if (error) throw error
  gateway.attach(server)
  await gateway.ready
  console.log(`listening on http://127.0.0.1:${server.address().port}`)
})

process.once('SIGINT', stop)
process.once('SIGTERM', stop)
async function stop() {
  await gateway.close() // clients are told to connect elsewhere, over five seconds
  server.close()
  await notifications.close()
  await bus.close()
}
