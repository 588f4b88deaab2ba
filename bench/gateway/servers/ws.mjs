/** Bare WebSockets, for what a connection costs at the least. */
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'
import { serve } from '../serving.mjs'
import { listen } from './listen.mjs'

const server = createServer()
const sockets = new WebSocketServer({ server, perMessageDeflate: false })
sockets.on('connection', (socket) => {
  socket.on('message', () => {})
  socket.on('error', () => {})
})
serve(await listen(server))
