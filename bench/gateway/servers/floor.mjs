import { createServer } from 'node:http'
import { Redis } from 'ioredis'
import { WebSocketServer } from 'ws'
import { serve } from '../serving.mjs'
import { listen } from './listen.mjs'

const server = createServer()
const wss = new WebSocketServer({ server, perMessageDeflate: false })
const socks = new Set()
wss.on('connection', (ws, req) => {
  const s = req.socket
  ws.on('message', () => {
    if (!socks.has(s)) {
      socks.add(s)
      ws.send('{"id":2,"subscribe":{}}')
    }
  })
  ws.on('error', () => {})
})
const r = new Redis(process.argv[2])
r.subscribe('room')
r.on('messageBuffer', (c, m) => {
  const f = Buffer.allocUnsafe(4 + m.length + 44)
  f[0] = 0x81
  f[1] = 126
  f.writeUInt16BE(m.length + 44, 2)
  f.fill(32, 4)
  m.copy(f, 4)
  for (const s of socks) s.write(f)
})
const t = process.cpuUsage
const l = await listen(server)
serve({
  ...l,
  split() {
    return process.cpuUsage()
  },
})
