import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/**
 * What becomes of a command: `pass`; an error reply in Redis's place, which never sees the command; or `cut`: Redis
 * carries it out, and the connection breaks before the client has the reply.
 */
export type Verdict = 'pass' | 'cut' | { readonly error: string }

/** A proxy that understands what clients ask, and decides on each command. */
export class RespProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server) {
    this.#server = server
  }

  static async to(port: number, decide: (command: readonly string[]) => Verdict): Promise<RespProxy> {
    const server = createServer()
    const proxy = new RespProxy(server)
    server.on('connection', (client) => proxy.#join(client, connect(port, '127.0.0.1'), decide))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  async close(): Promise<void> {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await once(this.#server, 'close')
  }

  #join(client: Socket, upstream: Socket, decide: (command: readonly string[]) => Verdict): void {
    let left: Buffer = Buffer.alloc(0)
    let cutting = false
    client.on('data', (data: Buffer) => {
      left = Buffer.concat([left, data])
      for (let command = readCommand(left); command !== undefined; command = readCommand(left)) {
        const bytes = left.subarray(0, command.length)
        left = left.subarray(command.length)
        const verdict = decide(command.words)
        cutting ||= verdict === 'cut'
        // In Redis's place and yet in turn: Redis is made to say it.
        upstream.write(typeof verdict === 'object' ? saying(verdict.error) : bytes)
      }
    })
    upstream.on('data', (data) => (cutting ? client.resetAndDestroy() : client.write(data)))
    const end = () => {
      for (const socket of [client, upstream]) {
        this.#sockets.delete(socket)
        socket.destroy()
      }
    }
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket)
      socket.on('error', end)
      socket.on('close', end)
    }
  }
}

function saying(error: string): Buffer {
  const words = ['EVAL', 'return redis.error_reply(ARGV[1])', '0', error]
  return Buffer.from(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`)
}

/** The first command in the bytes, as Latin-1 text, and its length; undefined where it is not all there. */
function readCommand(bytes: Buffer): { words: string[]; length: number } | undefined {
  let at = 0
  const readNumber = () => {
    const end = bytes.indexOf('\r\n', at)
    if (end < 0) return undefined
    const number = Number(bytes.toString('latin1', at + 1, end))
    at = end + 2
    return number
  }
  const count = readNumber()
  const words: string[] = []
  while (count !== undefined && words.length < count) {
    const size = readNumber()
    if (size === undefined || at + size + 2 > bytes.length) return undefined
    words.push(bytes.toString('latin1', at, at + size))
    at += size + 2
  }
  return count === undefined ? undefined : { words, length: at }
}
