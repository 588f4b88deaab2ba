type Handler<Kind> = ((event: Kind) => void) | null

/** The way to the server, which can be cut for a while: what is connected over it breaks, and does not come back before. */
export class Line {
  readonly #sockets = new Set<LineSocket>()
  #whole: Promise<void> = Promise.resolve()

  /** To be used in place of the browser's WebSocket. */
  readonly WebSocket: typeof WebSocket = socketClassOf(this)

  get whole(): Promise<void> {
    return this.#whole
  }

  add(socket: LineSocket): void {
    this.#sockets.add(socket)
  }

  remove(socket: LineSocket): void {
    this.#sockets.delete(socket)
  }

  /** Resolves when it is whole again. */
  cut(forMs: number): Promise<void> {
    this.#whole = new Promise((resolve) => setTimeout(resolve, forMs))
    for (const socket of [...this.#sockets]) socket.cut()
    return this.#whole
  }
}

/** As much of a WebSocket as a client uses. */
class LineSocket {
  onopen: Handler<Event> = null
  onmessage: Handler<MessageEvent> = null
  onerror: Handler<Event> = null
  onclose: Handler<CloseEvent> = null
  readonly #line: Line
  #socket: WebSocket | undefined
  #over = false

  constructor(line: Line, url: string, protocols?: string | string[]) {
    this.#line = line
    void line.whole.then(() => {
      if (this.#over) return
      line.add(this)
      const socket = new WebSocket(url, protocols)
      this.#socket = socket
      socket.onopen = (event) => this.onopen?.(event)
      socket.onmessage = (event) => this.onmessage?.(event)
      socket.onerror = (event) => this.onerror?.(event)
      socket.onclose = (event) => this.#end(event)
    })
  }

  get readyState(): number {
    if (this.#over) return WebSocket.CLOSED
    return this.#socket?.readyState ?? WebSocket.CONNECTING
  }

  send(data: string): void {
    this.#socket?.send(data)
  }

  close(code?: number, reason?: string): void {
    if (this.#socket === undefined) this.#end(new CloseEvent('close', { code: 1006 }))
    else this.#socket.close(code, reason)
  }

  /** What was on its way is lost, as when a cable is pulled. */
  cut(): void {
    const socket = this.#socket
    if (socket === undefined) return
    socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null
    socket.close()
    this.#end(new CloseEvent('close', { code: 1006 }))
  }

  #end(event: CloseEvent): void {
    if (this.#over) return
    this.#over = true
    this.#line.remove(this)
    this.onclose?.(event)
  }
}

function socketClassOf(line: Line): typeof WebSocket {
  const Bound = class extends LineSocket {
    constructor(url: string, protocols?: string | string[]) {
      super(line, url, protocols)
    }
  }
  return Bound as unknown as typeof WebSocket
}
