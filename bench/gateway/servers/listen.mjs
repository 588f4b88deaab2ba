import { once } from 'node:events'

/**
 * Listens, and watches what waits for sockets.
 *
 * @param {import('node:http').Server} server
 */
export async function listen(server) {
  /** @type {Set<import('node:net').Socket>} */
  const sockets = new Set()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  return {
    port: () => port,
    connections: () => sockets.size,
    /** Bytes that wait in this process for the socket that is furthest behind. */
    waiting: () => [...sockets].reduce((most, { writableLength }) => Math.max(most, writableLength), 0),
  }
}
