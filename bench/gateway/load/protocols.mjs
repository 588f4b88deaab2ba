/**
 * What a client of each server says, at the least.
 *
 * @typedef {object} Protocol
 * @property {string} path
 * @property {readonly string[]} hello what it says as soon as it is connected
 * @property {(text: string) => 'ready' | string | undefined} next what follows from a text before it is ready: that it is, or what it says
 * @property {string} pong
 *
 * @typedef {'tidings' | 'socket-io' | 'ws'} Arm
 */

/** @type {Record<Arm, Protocol>} */
export const protocols = {
  tidings: {
    path: '/connection/websocket',
    hello: ['{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"room"}}'],
    next: (text) => (/^\{"id":2,"subscribe"/m.test(text) ? 'ready' : undefined),
    pong: '{}',
  },
  'socket-io': {
    path: '/socket.io/?EIO=4&transport=websocket',
    hello: [],
    next: (text) => (text.startsWith('40{') ? 'ready' : text.startsWith('0{') ? '40' : undefined),
    pong: '3',
  },
  ws: { path: '/', hello: [], next: () => undefined, pong: '' },
}

/** Upgrades of a connection. @param {string} path */
export const upgradeRequest = (path) =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
