/** An event as it came. */
export interface ReceivedEvent {
  readonly type: string
  readonly data: string
  readonly lastEventId: string
}

type Listener = (event: ReceivedEvent) => void

/**
 * EventSource as the HTML standard has it, over fetch: it comes back by itself with the id of the last event, unless it
 * is answered with anything but a stream.
 */
export class FetchEventSource {
  static readonly CONNECTING = 0
  static readonly OPEN = 1
  static readonly CLOSED = 2
  readonly url: string
  readyState = 0
  onopen: (() => void) | null = null
  onerror: ((event: { readonly status: number | undefined }) => void) | null = null
  onmessage: Listener | null = null
  lastEventId = ''
  /** How often it has been answered by a stream. */
  opened = 0
  /** Milliseconds, as the server has said. */
  retryMs = 100
  /** Lines that are no part of an event. */
  comments = 0
  #abort = new AbortController()
  readonly #listeners = new Map<string, Listener[]>()

  constructor(url: string) {
    this.url = url
    void this.#run()
  }

  addEventListener(type: string, listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener])
  }

  close(): void {
    this.readyState = 2
    this.#abort.abort()
  }

  async #run(): Promise<void> {
    while (this.readyState !== 2) {
      this.readyState = 0
      let status: number | undefined
      try {
        const headers = { accept: 'text/event-stream', ...(this.lastEventId && { 'last-event-id': this.lastEventId }) }
        const response = await fetch(this.url, { headers, signal: this.#abort.signal })
        status = response.status
        if (status === 200 && response.headers.get('content-type')?.startsWith('text/event-stream')) {
          this.readyState = 1
          this.opened += 1
          this.onopen?.()
          await this.#read(response.body!)
        } else this.close()
      } catch {
        // Cut off.
      }
      // A page closes it in here at times.
      const wasClosed = this.#abort.signal.aborted && status === 200
      if (!wasClosed) this.onerror?.({ status })
      if (!this.#abort.signal.aborted) await new Promise((resolve) => setTimeout(resolve, this.retryMs))
    }
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let rest = ''
    let id = this.lastEventId
    let event = { type: '', data: [] as string[] }
    for await (const text of body.pipeThrough(new TextDecoderStream())) {
      rest += text
      const lines = rest.split('\n')
      rest = lines.pop()!
      for (const line of lines) {
        if (line === '') {
          this.lastEventId = id
          if (event.data.length > 0) this.#dispatch({ ...event, data: event.data.join('\n') })
          event = { type: '', data: [] }
          continue
        }
        const colon = line.indexOf(':')
        const field = colon < 0 ? line : line.slice(0, colon)
        const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
        if (field === '') this.comments += 1
        else if (field === 'event') event.type = value
        else if (field === 'data') event.data.push(value)
        else if (field === 'id') id = value
        else if (field === 'retry') this.retryMs = Number(value)
      }
    }
  }

  #dispatch({ type, data }: { type: string; data: string }): void {
    const event: ReceivedEvent = { type: type || 'message', data, lastEventId: this.lastEventId }
    if (event.type === 'message') this.onmessage?.(event)
    for (const listener of this.#listeners.get(event.type) ?? []) listener(event)
  }
}
