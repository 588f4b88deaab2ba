import { WebSocket } from 'ws'
import { eventually } from './eventually.ts'

interface RawReply {
  readonly id?: number
  readonly error?: { readonly code: number; readonly temporary?: boolean }
  // biome-ignore lint/suspicious/noExplicitAny: a test looks where it likes
  readonly [name: string]: any
}

/** A client that speaks the protocol by hand. */
export interface RawClient {
  readonly socket: WebSocket
  /** All that came but pings, in order. */
  readonly lines: RawReply[]
  /** The code with which the connection ended. */
  readonly closed: Promise<number>
  /** Sends commands in one frame. */
  send(...commands: readonly object[]): void
  reply(id: number, timeoutMs?: number): Promise<RawReply>
}

export async function openRaw(url: string): Promise<RawClient> {
  const socket = new WebSocket(url)
  const lines: RawReply[] = []
  socket.on('message', (data) => {
    for (const line of String(data).split('\n')) {
      if (line === '{}') socket.send('{}')
      else lines.push(JSON.parse(line) as RawReply)
    }
  })
  socket.on('error', () => {})
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  await new Promise((resolve) => socket.once('open', resolve))
  return {
    socket,
    lines,
    closed,
    send: (...commands) => socket.send(commands.map((command) => JSON.stringify(command)).join('\n')),
    reply: (id, timeoutMs) =>
      eventually(() => {
        const found = lines.find((line) => line.id === id)
        if (found === undefined) throw new Error(`no reply ${id} in ${JSON.stringify(lines)}`)
        return found
      }, timeoutMs),
  }
}
