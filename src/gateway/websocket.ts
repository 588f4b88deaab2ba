import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { ClientRequest, Transport } from './contract.ts'
import type { Frames } from './frames.ts'
import type { GatewayNode } from './gateway-node.ts'

/** Milliseconds for the peer to answer the closing of its connection. */
const CLOSE_MS = 3_000

/** Takes WebSocket connections of clients. */
export class WebSocketTransports {
  readonly #node: GatewayNode
  readonly #server: WebSocketServer

  constructor(node: GatewayNode) {
    this.#node = node
    this.#server = new WebSocketServer({
      noServer: true,
      // Compression costs more CPU and memory than it saves on small messages.
      perMessageDeflate: false,
      maxPayload: node.limits.frameBytes,
      handleProtocols: (protocols) => (protocols.has('centrifuge-json') ? 'centrifuge-json' : false),
    })
  }

  /** Upgrades a request that was found to be acceptable. */
  accept(incoming: IncomingMessage, socket: Duplex, head: Buffer, request: ClientRequest): void {
    this.#server.handleUpgrade(incoming, socket, head, (websocket) => {
      const session = this.#node.open(request, new WebSocketTransport(websocket, socket as Socket))
      websocket.on('message', (data, isBinary) => {
        if (isBinary) session.close({ code: 3506, reason: 'inappropriate protocol' })
        else session.receive(String(data))
      })
      websocket.on('close', () => session.ended())
      // What breaks the protocol ws closes by itself, with the right code; the close event follows.
      websocket.on('error', () => {})
    })
  }

  close(): void {
    this.#server.close()
    for (const websocket of this.#server.clients) websocket.terminate()
  }
}

/** One WebSocket connection. Frames that many clients get are written to the socket as they are, header and all. */
class WebSocketTransport implements Transport {
  readonly name = 'websocket'
  readonly #websocket: WebSocket
  readonly #socket: Socket

  constructor(websocket: WebSocket, socket: Socket) {
    this.#websocket = websocket
    this.#socket = socket
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  write(frames: Frames): void {
    // Without compression nothing of ours is ever on its way inside ws, so writing past it keeps the order.
    if (this.#websocket.readyState === this.#websocket.OPEN) this.#socket.write(frames.websocket)
  }

  close(code: number, reason: string): void {
    const websocket = this.#websocket
    websocket.close(code, reason)
    // Whoever does not read will not answer either, and must not be held.
    setTimeout(() => websocket.terminate(), CLOSE_MS).unref()
  }
}
