/**
 * Socket.IO with its Redis adapter, at its best settings: no compression, WebSocket alone, and the first request of each
 * connection let go, as its documentation advises. Argument: the URL of Redis.
 */
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import { Redis } from 'ioredis'
import { Server } from 'socket.io'
import { serve } from '../serving.mjs'
import { listen } from './listen.mjs'

const [url = ''] = process.argv.slice(2)
const server = createServer()
const io = new Server(server, {
  adapter: createAdapter(new Redis(url), new Redis(url)),
  transports: ['websocket'],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
})
io.engine.on('connection', (/** @type {any} */ raw) => {
  raw.request = null
})
io.on('connection', (socket) => socket.join('room'))
serve(await listen(server))
