import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type RawData, type Server, WebSocket, WebSocketServer } from 'ws'
import { DISCONNECTS } from '../protocol/codes.ts'
import type { ClientSession } from './client-session.ts'
import type { ClientRequest, Transport } from './contract.ts'
import type { Frames } from './frames.ts'
import type { GatewayNode } from './gateway-node.ts'

/** Milliseconds for the peer to answer the closing of its connection. */
const CLOSE_MS = 3_000
/** The same for one that never said who it is, or for which more waits than the network takes: it may not even be told. */
const SHORT_CLOSE_MS = 500

/** A connection that knows whose it is, so that listeners need not be made for each. */
class ClientSocket extends WebSocket {
  session: ClientSession | undefined
  /** All that are open, itself among them. */
  all: Set<ClientSocket> | undefined
}

/** Takes WebSocket connections of clients. */
export class WebSocketTransports {
  readonly #node: GatewayNode
  readonly #server: Server<typeof ClientSocket>
  readonly #open = new Set<ClientSocket>()

  constructor(node: GatewayNode) {
    this.#node = node
    this.#server = new WebSocketServer({
      noServer: true,
      WebSocket: ClientSocket,
      // It would make a listener for each.
      clientTracking: false,
      // Compression costs more CPU and memory than it saves on small messages.
      perMessageDeflate: false,
      maxPayload: node.limits.frameBytes,
      handleProtocols: (protocols) => (protocols.has('centrifuge-json') ? 'centrifuge-json' : false),
    })
  }

  /** Upgrades a request that was found to be acceptable. */
  accept(incoming: IncomingMessage, socket: Duplex, head: Buffer, request: ClientRequest): void {
    this.#server.handleUpgrade(incoming, socket, head, (websocket) => {
      websocket.session = this.#node.open(request, new WebSocketTransport(websocket, socket as Socket))
      websocket.all = this.#open
      this.#open.add(websocket)
      websocket.on('message', onMessage)
      websocket.on('close', onClose)
      // What breaks the protocol ws closes by itself, with the right code; the close event follows.
      websocket.on('error', onError)
    })
  }

  close(): void {
    this.#server.close()
    for (const websocket of this.#open) websocket.terminate()
  }
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  const session = (this as ClientSocket).session!
  if (isBinary) session.close({ code: 3506, reason: 'inappropriate protocol' })
  else session.receive(String(data))
}

function onClose(this: WebSocket): void {
  const websocket = this as ClientSocket
  websocket.all!.delete(websocket)
  websocket.session!.ended()
}

function onError(): void {}

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
    if (this.#websocket.readyState === WebSocket.OPEN) this.#socket.write(frames.websocket)
  }

  close(code: number, reason: string): void {
    const websocket = this.#websocket
    const isShort = this.bufferedBytes > 0 || code === DISCONNECTS.stale.code
    websocket.close(code, reason)
    // Whoever does not read will not answer either, and must not be held.
    setTimeout(() => websocket.terminate(), isShort ? SHORT_CLOSE_MS : CLOSE_MS).unref()
  }
}
