import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** A TCP proxy on loopback that can fail in the ways networks do. */
export class TcpProxy {
  readonly #server: Server
  readonly #pairs = new Set<{ client: Socket; upstream: Socket }>()
  #frozen = false
  #downPort = 0
  #target: number

  private constructor(server: Server, port: number) {
    this.#server = server
    this.#target = port
  }

  static async to(port: number): Promise<TcpProxy> {
    const server = createServer()
    const proxy = new TcpProxy(server, port)
    server.on('connection', (client) => proxy.#join(client, proxy.#target))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get port(): number {
    return this.#server.listening ? (this.#server.address() as { port: number }).port : this.#downPort
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Nothing passes any more and nobody is told: a cut cable. New connections are accepted, and meet the same. */
  freeze(): void {
    this.#frozen = true
    for (const { client, upstream } of this.#pairs) {
      client.pause()
      upstream.pause()
    }
  }

  thaw(): void {
    this.#frozen = false
    for (const { client, upstream } of this.#pairs) {
      client.resume()
      upstream.resume()
    }
  }

  /** New connections lead to another port. */
  redirect(port: number): void {
    this.#target = port
  }

  /** Resets every connection. */
  reset(): void {
    for (const { client } of this.#pairs) client.resetAndDestroy()
  }

  /** Resets every connection and refuses new ones. */
  async down(): Promise<void> {
    this.#downPort = this.port
    this.#server.close()
    this.reset()
    await once(this.#server, 'close')
  }

  async up(): Promise<void> {
    this.#server.listen(this.#downPort, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.down()
  }

  #join(client: Socket, port: number): void {
    const upstream = connect(port, '127.0.0.1')
    const pair = { client, upstream }
    this.#pairs.add(pair)
    client.on('data', (data) => upstream.write(data))
    upstream.on('data', (data) => client.write(data))
    if (this.#frozen) {
      client.pause()
      upstream.pause()
    }
    const end = () => {
      this.#pairs.delete(pair)
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      socket.on('error', end)
      socket.on('close', end)
    }
  }
}
