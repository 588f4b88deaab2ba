// A gateway for browsers on Node's own HTTP server, with a page: orders live, and the inbox of whoever looks.
//
//   node examples/gateway-node.mjs            then open http://127.0.0.1:8000
//   REDIS_URL=redis://127.0.0.1:6379 PORT=8001 node examples/gateway-node.mjs      a second node beside the first
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { EventBus, NotificationService } from 'tidings'
import { createGateway, jwtGatekeeper, mintToken } from 'tidings/gateway'

// All nodes of a deployment share the secret; alone, a new one for each start will do.
const secret = process.env.TIDINGS_TOKEN_SECRET ?? randomBytes(32).toString('hex')
const port = Number(process.env.PORT ?? 8000)
const page = readFileSync(new URL('./gateway-page.html', import.meta.url))
const sdk = readFileSync(new URL('../dist/centrifuge.js', import.meta.resolve('centrifuge')))

const server = createServer((request, response) => {
  answer(request, response).catch((error) => response.writeHead(400).end(error.message))
})
await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${server.address().port}`

const bus = new EventBus({ redis: process.env.REDIS_URL ?? 'memory:' })
const notifications = new NotificationService({ redis: bus.connection })
const gateway = createGateway({
  bus,
  notifications,
  gatekeeper: jwtGatekeeper({
    keys: [{ alg: 'HS256', secret }],
    origins: [url, url.replace('127.0.0.1', 'localhost')],
    channels: { 'events:order.*': { subscribe: 'authenticated', history: 'authenticated' } },
  }),
})
// With history, a browser that was away is given what it missed.
await bus.policies.apply({ 'order.*': { history: { maxCount: 1_000, maxAgeMs: 86_400_000 } } })
gateway.attach(server)
await gateway.ready
console.log(`listening on ${url}`)

async function answer(request, response) {
  const [path, query] = request.url.split('?')
  const userId = new URLSearchParams(query).get('user') ?? 'ada'
  const route = `${request.method} ${path}`
  if (route === 'GET /') send(response, 'text/html; charset=utf-8', page)
  else if (route === 'GET /centrifuge.js') send(response, 'text/javascript', sdk)
  else if (route === 'POST /token') {
    // Your own sign-in comes here: who gets a user's token is that user.
    const token = await mintToken({ secret, userId, expiresAt: new Date(Date.now() + 3_600_000) })
    send(response, 'application/json', JSON.stringify({ token }))
  } else if (route === 'POST /orders') {
    const orderId = `ORD-${randomBytes(3).toString('hex')}`
    await bus.append('order.created', { orderId })
    await notifications.sendToUser(userId, { type: 'success', title: 'Thank you!', message: `We have ${orderId}.` })
    send(response, 'application/json', JSON.stringify({ orderId }))
  } else gateway.handler(request, response)
}

function send(response, type, body) {
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
}

process.once('SIGINT', stop)
process.once('SIGTERM', stop)
async function stop() {
  await gateway.close() // clients are told to connect elsewhere, over five seconds
  server.close()
  await notifications.close()
  await bus.close()
}
