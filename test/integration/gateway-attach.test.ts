import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import { openGateway } from '../support/gateway.ts'

const ending: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

/** Sends bytes and resolves to all that comes back until the peer closes. */
async function send(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(bytes)
  return text(socket)
}

async function open() {
  const opened = await openGateway({ connection: { redis: `memory:${Math.random()}` } })
  ending.push(opened.close)
  return opened
}

test('requests that no URL or Request can be made of are answered, and end nothing', async () => {
  const { port } = await open()
  const end = 'Host: x\r\nConnection: close\r\n\r\n'
  expect(await send(port, `GET // HTTP/1.1\r\n${end}`)).toMatch(/^HTTP\/1.1 40\d/)
  expect(await send(port, `GET http:// HTTP/1.1\r\n${end}`)).toMatch(/^HTTP\/1.1 40\d/)
  expect(await send(port, `TRACE /health/live HTTP/1.1\r\n${end}`)).toMatch(/^HTTP\/1.1 (405|501)/)
  const upgrade = 'Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n'
  expect(await send(port, `GET // HTTP/1.1\r\nHost: x\r\n${upgrade}`)).toMatch(/^HTTP\/1.1 404/)
  expect(await send(port, `GET /elsewhere HTTP/1.1\r\nHost: x\r\n${upgrade}`)).toMatch(/^HTTP\/1.1 404/)
  expect((await fetch(`http://127.0.0.1:${port}/health/live`)).status).toBe(200)
})

test('upgrades of others on the same server are left to them', async () => {
  const { gateway } = await open()
  const server: Server = createServer()
  gateway.attach(server)
  server.on('upgrade', (request, socket) => {
    if (request.url === '/mine') socket.end('HTTP/1.1 418 Mine\r\n\r\n')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ending.push(() => new Promise((resolve) => server.close(resolve)))
  const { port } = server.address() as AddressInfo
  const upgrade = 'Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'
  expect(await send(port, `GET /mine HTTP/1.1\r\n${upgrade}`)).toMatch(/^HTTP\/1.1 418/)
})

test('a server whose gateway has closed answers that it is not available', async () => {
  const { gateway, port } = await open()
  await gateway.close(0)
  expect((await fetch(`http://127.0.0.1:${port}/health/live`)).status).toBe(503)
})

test('a server has one gateway at a time', async () => {
  const { server, gateway } = await open()
  const other = await open()
  for (const one of [gateway, other.gateway]) {
    expect(() => one.attach(server)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
  }
  await gateway.close(0)
  other.gateway.attach(server)
})

test('who never says who it is, and answers no closing either, is let go sooner than others', async () => {
  const { port, close } = await openGateway({
    connection: { redis: `memory:${Math.random()}` },
    limits: { authenticateMs: 1 },
  })
  ending.push(close)
  const ended: string[] = []
  const bare = (name: string) => {
    const socket = connect(port, '127.0.0.1')
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13'
    socket.write(
      `GET /connection/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${key}\r\n\r\n`,
    )
    socket.on('error', () => {}).resume()
    const closed = new Promise<void>((resolve) => {
      socket.on('close', () => {
        ended.push(name)
        resolve()
      })
    })
    return { socket, closed }
  }
  const silent = bare('silent')
  const binary = bare('binary')
  await new Promise((resolve) => binary.socket.once('data', resolve))
  // An empty binary message: closed at once, and given the time that others have to answer that.
  binary.socket.write(Buffer.from([0x82, 0x80, 0, 0, 0, 0]))
  await Promise.all([silent.closed, binary.closed])
  expect(ended).toEqual(['silent', 'binary'])
})
