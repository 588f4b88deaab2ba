import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Command, Publication, Reply, SubscribeResult } from '../../src/protocol/client-protocol.ts'
import { CLIENT_ERRORS, type ClientError, type Disconnect } from '../../src/protocol/codes.ts'

interface Peer {
  readonly transport: 'websocket' | 'http_stream' | 'sse'
  readonly session: string
  readonly channels: Set<string>
  send(message: object): void
  close(disconnect?: Disconnect): void
}

interface FakeLog {
  epoch: string
  offset: number
  publications: Publication[]
}

export type FakeRpc = (data: unknown) => unknown

/** What an rpc of the fake throws to refuse. */
export class Refusal {
  readonly error: ClientError

  constructor(error: ClientError) {
    this.error = error
  }
}

/** A gateway that speaks the client protocol to real clients, of which a test decides everything. */
export class FakeGateway {
  readonly commands: Command[] = []
  readonly logs: Map<string, FakeLog> = new Map()
  readonly refused: Map<string, ClientError> = new Map()
  readonly rpc: Map<string, FakeRpc> = new Map()
  readonly peers: Set<Peer> = new Set()
  /** The tokens that it takes; undefined: any. */
  tokens: Set<string> | undefined
  connectData: unknown
  hasWebSocket: boolean = true
  /** Seconds for which a token is good. */
  ttl: number | undefined
  readonly #sockets = new WebSocketServer({ noServer: true })
  readonly #server = createServer((request, response) => void this.#onRequest(request, response))

  static async start(): Promise<FakeGateway> {
    const gateway = new FakeGateway()
    const server = gateway.#server
    server.on('upgrade', (request, socket, head) => {
      if (!gateway.hasWebSocket || request.url !== '/connection/websocket') {
        socket.end('HTTP/1.1 404 Not Found\r\n\r\n')
        return
      }
      gateway.#sockets.handleUpgrade(request, socket, head, (websocket) => gateway.#onSocket(websocket))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return gateway
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The commands of one kind that came. */
  of<Name extends keyof Command>(name: Name): NonNullable<Command[Name]>[] {
    return this.commands.flatMap((command) => (command[name] === undefined ? [] : [command[name]!]))
  }

  /** Keeps what is published on a channel; before its first publication the log is not there yet. */
  keep(channel: string, epoch = ''): void {
    this.logs.set(channel, { epoch, offset: 0, publications: [] })
  }

  publish(channel: string, data: unknown): void {
    const log = this.logs.get(channel)
    let publication: Publication = { data }
    if (log !== undefined) {
      log.offset += 1
      const isBirth = log.epoch === ''
      if (isBirth) log.epoch = 'newborn.1'
      publication = { data, offset: log.offset }
      log.publications.push({ ...publication, epoch: log.epoch })
      if (isBirth) publication = { ...publication, epoch: log.epoch }
    }
    this.push(channel, { pub: publication })
  }

  /** Tells everybody who is on a channel. */
  push(channel: string, what: object): void {
    for (const peer of this.peers) if (peer.channels.has(channel)) peer.send({ push: { channel, ...what } })
  }

  /** Cuts every connection, without a word or with one. */
  cut(disconnect?: Disconnect): void {
    for (const peer of [...this.peers]) peer.close(disconnect)
  }

  async close(): Promise<void> {
    this.cut()
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #onSocket(websocket: WebSocket): void {
    const peer = this.#admit({
      transport: 'websocket',
      send: (text) => websocket.send(text),
      close: (disconnect) =>
        disconnect === undefined ? websocket.terminate() : websocket.close(disconnect.code, disconnect.reason),
    })
    websocket.on('message', (data) => void this.#receive(peer, String(data)))
    websocket.on('close', () => this.peers.delete(peer))
  }

  #admit(options: {
    transport: Peer['transport']
    send: (text: string) => void
    close: (disconnect?: Disconnect) => void
  }): Peer {
    const peer: Peer = {
      transport: options.transport,
      session: randomUUID(),
      channels: new Set(),
      send: (message) => options.send(JSON.stringify(message)),
      close: (disconnect) => {
        this.peers.delete(peer)
        options.close(disconnect)
      },
    }
    this.peers.add(peer)
    return peer
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, this.url)
    let body = ''
    for await (const chunk of request) body += chunk
    if (url.pathname === '/emulation') {
      const { session, data } = JSON.parse(body) as { session: string; data: string }
      const peer = [...this.peers].find((one) => one.session === session)
      response.writeHead(204).end()
      if (peer !== undefined) await this.#receive(peer, data)
      return
    }
    const transport = url.pathname.replace('/connection/', '')
    if (transport !== 'http_stream' && transport !== 'sse') {
      response.writeHead(404).end()
      return
    }
    const isSse = transport === 'sse'
    response.writeHead(200, { 'content-type': isSse ? 'text/event-stream' : 'text/plain' }).flushHeaders()
    const peer = this.#admit({
      transport,
      send: (text) => response.write(isSse ? `data: ${text}\n\n` : `${text}\n`),
      close: () => response.destroy(),
    })
    response.on('close', () => this.peers.delete(peer))
    await this.#receive(peer, isSse ? url.searchParams.get('cf_connect')! : body)
  }

  async #receive(peer: Peer, text: string): Promise<void> {
    for (const line of text.split('\n').filter((part) => part !== '')) {
      const command = JSON.parse(line) as Command
      if (Object.keys(command).length === 0) continue
      this.commands.push(command)
      const reply = await this.#answer(peer, command).catch((error: unknown) => {
        if (error instanceof Refusal) return { error: error.error }
        throw error
      })
      if (command.id !== undefined && reply !== undefined) peer.send({ id: command.id, ...reply })
    }
  }

  async #answer(peer: Peer, command: Command): Promise<Omit<Reply, 'id'> | undefined> {
    const { connect, subscribe, unsubscribe, publish, history, rpc, refresh } = command
    if (connect !== undefined) {
      if (this.tokens !== undefined && !this.tokens.has(connect.token ?? '')) {
        throw new Refusal(CLIENT_ERRORS.tokenExpired)
      }
      const data = this.connectData
      if (data !== undefined) peer.channels.add('#inbox')
      return {
        connect: {
          client: randomUUID(),
          version: 'fake',
          session: peer.session,
          node: 'fake',
          ping: 25,
          pong: true,
          ...(data !== undefined && { data, subs: { '#inbox': {} } }),
          ...(this.ttl !== undefined && { expires: true, ttl: this.ttl }),
        },
      }
    }
    if (subscribe !== undefined) {
      const refusal = this.refused.get(subscribe.channel)
      if (refusal !== undefined) throw new Refusal(refusal)
      peer.channels.add(subscribe.channel)
      return { subscribe: this.#subscribed(subscribe) }
    }
    if (unsubscribe !== undefined) {
      peer.channels.delete(unsubscribe.channel)
      return { unsubscribe: {} }
    }
    if (publish !== undefined) {
      const refusal = this.refused.get(publish.channel)
      if (refusal !== undefined) throw new Refusal(refusal)
      this.publish(publish.channel, publish.data)
      return { publish: {} }
    }
    if (history !== undefined) {
      const log = this.logs.get(history.channel)
      if (log === undefined) throw new Refusal(CLIENT_ERRORS.notAvailable)
      const since = history.since?.offset
      const some = log.publications
        .filter(({ offset }) => since === undefined || (history.reverse ? offset! < since : offset! > since))
        .sort((a, b) => (history.reverse ? b.offset! - a.offset! : a.offset! - b.offset!))
      return { history: { offset: log.offset, epoch: log.epoch, publications: some.slice(0, history.limit ?? 0) } }
    }
    if (refresh !== undefined) return { refresh: { client: 'x', version: 'fake', expires: false } }
    if (rpc !== undefined) {
      const method = this.rpc.get(rpc.method)
      if (method === undefined) throw new Refusal(CLIENT_ERRORS.methodNotFound)
      return { rpc: { data: (await method(rpc.data)) ?? null } }
    }
    return undefined
  }

  #subscribed({ channel, recover, offset, epoch = '' }: NonNullable<Command['subscribe']>): SubscribeResult {
    const log = this.logs.get(channel)
    if (log === undefined) return {}
    const place = { recoverable: true, positioned: true, offset: log.offset, epoch: log.epoch }
    if (recover !== true) return place
    const name = (text: string) => text.split('.')[0]
    const missed = log.publications.filter((one) => one.offset! > (offset ?? 0))
    const isSame = epoch === '' || name(epoch) === name(log.epoch)
    const recovered = isSame && missed.length === log.offset - (offset ?? 0)
    return { ...place, was_recovering: true, recovered, ...(recovered && { publications: missed }) }
  }
}
