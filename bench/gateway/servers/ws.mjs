/**
 * Bare WebSockets, for what connections and deliveries cost at the least: what Redis says is framed once and written to
 * each socket. Argument: the URL of Redis.
 */
import { createServer } from 'node:http'
import { Redis } from 'ioredis'
import { WebSocketServer } from 'ws'
import { serve } from '../serving.mjs'
import { listen } from './listen.mjs'

const [url = ''] = process.argv.slice(2)
const server = createServer()
const sockets = new WebSocketServer({ server, perMessageDeflate: false })
const ignore = () => {}
sockets.on('connection', (websocket) => websocket.on('message', ignore).on('error', ignore))
const redis = new Redis(url)
await redis.subscribe('room')
redis.on('messageBuffer', (_, /** @type {Buffer} */ message) => {
  if (message.length > 125) throw new Error('A longer message has a longer header.')
  const frame = Buffer.concat([Buffer.from([0x81, message.length]), message])
  // @ts-expect-error: its sender would frame the message for each.
  for (const { _socket } of sockets.clients) _socket.write(frame)
})
serve(await listen(server))
