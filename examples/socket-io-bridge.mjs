// Socket.IO clients, fed by Tidings: a room for each user with its notifications, and one for order events. Any number of
// processes may run it, and none needs an adapter: each hears from Redis what concerns its own clients.
//
//   npm install socket.io && node examples/socket-io-bridge.mjs
//   REDIS_URL=redis://127.0.0.1:6379 node examples/socket-io-bridge.mjs
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { EventBus, NotificationService } from 'tidings'
import { jwtGatekeeper, mintToken } from 'tidings/gateway'

const secret = process.env.TIDINGS_TOKEN_SECRET ?? randomBytes(32).toString('hex')
const bus = new EventBus({ redis: process.env.REDIS_URL ?? 'memory:' })
const notifications = new NotificationService({ redis: bus.connection })
const gatekeeper = jwtGatekeeper({ keys: [{ alg: 'HS256', secret }] })
const server = createServer((request, response) => {
  answer(request, response).catch((error) => response.writeHead(400).end(error.message))
})
const io = new Server(server, { cors: { origin: process.env.TIDINGS_ORIGINS?.split(',') ?? false } })

// Who somebody is says a token, not the address: else everybody could be anybody.
io.use((socket, next) => {
  gatekeeper.connect(String(socket.handshake.auth.token ?? '')).then(
    ({ userId, expiresAtMs }) => {
      Object.assign(socket.data, { userId, expiresAtMs })
      next()
    },
    () => next(new Error('unauthorized')),
  )
})

io.on('connection', async (socket) => {
  const { userId, expiresAtMs } = socket.data
  const ending = setTimeout(() => socket.disconnect(true), Math.min(expiresAtMs - Date.now(), 2 ** 31 - 1)).unref()
  socket.on('disconnect', () => clearTimeout(ending))
  // Clients send what they like: nothing of it may throw here.
  socket.on('read', async (id, acknowledge) => {
    const outcome = await notifications.markAsRead(userId, id).catch((error) => error.code)
    if (typeof acknowledge === 'function') acknowledge(outcome)
  })
  socket.join([`user_${userId}`, 'orders'])
  try {
    await following.get(`user_${userId}`)
    socket.emit('inbox', await notifications.list(userId))
  } catch {
    socket.disconnect(true)
  }
})

// A room is there while somebody is in it: so long this process follows the user's inbox, once for all its devices.
const following = new Map()
const { adapter } = io.of('/')
adapter.on('create-room', (room) => {
  if (!room.startsWith('user_')) return
  const tell = (name) => (data) => io.local.to(room).emit(name, data)
  const subscription = notifications.subscribeUser(room.slice(5), tell('notification'), { onChange: tell('change') })
  following.set(room, subscription)
})
adapter.on('delete-room', async (room) => {
  const subscription = following.get(room)
  following.delete(room)
  await subscription?.then((one) => one.unsubscribe()).catch(() => {})
})

// To everybody, for whatever audience: where yours have one, leave this out and show what is new in 'change'.
await notifications.subscribeBroadcast((notification) => io.local.emit('notification', notification))
await bus.onPattern('order.*', (type, event) => io.local.to('orders').emit(type, event.data))

async function answer(request, response) {
  const [path, query] = request.url.split('?')
  if (request.method !== 'POST' || path !== '/token') return response.writeHead(404).end()
  // Your own sign-in comes here: who gets a user's token is that user.
  const userId = new URLSearchParams(query).get('user') ?? 'ada'
  response.end(await mintToken({ secret, userId, expiresAt: new Date(Date.now() + 3_600_000) }))
}

server.listen(Number(process.env.PORT ?? 8000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`)
})

process.once('SIGINT', stop)
process.once('SIGTERM', stop)
async function stop() {
  await io.close()
  await notifications.close()
  await bus.close()
}
