import { byId, make, reasonOf, tell } from './dom.ts'
import type { EventsView } from './events-view.ts'
import type { InboxView } from './inbox-view.ts'
import { append, line, notify, userId } from './session.ts'

const CUT_MS = 5_000
const EVENTS = 5
const EVERY_MS = 600
/** For what was missed to come, once the connection may be made again. */
const PATIENCE_MS = 20_000

const TYPE = 'order.created'

const button = byId('break', HTMLButtonElement)
const text = byId('outage-text', HTMLParagraphElement)
const missed = byId('missed', HTMLOListElement)
const verdict = byId('verdict', HTMLParagraphElement)

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Shows what becomes of what is sent while the connection is broken. */
export function outageButton(events: EventsView, inbox: InboxView): void {
  const hint = text.textContent
  let running = false
  button.addEventListener('click', async () => {
    if (running) return
    running = true
    button.ariaDisabled = 'true'
    try {
      const failure = await new Outage(events, inbox).run()
      tell(verdict, failure ?? praise(), failure !== undefined)
    } catch (error) {
      tell(verdict, reasonOf(error), true)
    } finally {
      running = false
      button.ariaDisabled = 'false'
      text.textContent = hint
    }
  })
}

function praise(): string {
  return `${EVENTS} events and a notification were sent meanwhile. All are here, once and in order: nothing is missing.`
}

class Outage {
  readonly #events: EventsView
  readonly #inbox: InboxView
  /** What was sent, by position or id, with where it is shown. */
  readonly #sent = new Map<string, HTMLSpanElement>()
  readonly #sentEvents: string[] = []
  /** What came: it may be before its sender knows where it is. */
  readonly #came: string[] = []
  readonly #notifications = new Set<string>()
  #gap = false

  constructor(events: EventsView, inbox: InboxView) {
    this.#events = events
    this.#inbox = inbox
  }

  /** Resolves to what went wrong; undefined where nothing did. */
  async run(): Promise<string | undefined> {
    missed.replaceChildren()
    missed.hidden = false
    tell(verdict, '')
    await this.#events.listen(TYPE)
    const ends = [
      this.#events.watch(
        ({ position }) => this.#arrived(position),
        () => {
          this.#gap = true
        },
      ),
      this.#inbox.watch((id) => {
        this.#notifications.add(id)
        this.#tick(id)
      }),
    ]
    const counting = countDown()
    try {
      const whole = line.cut(CUT_MS)
      await this.#send()
      await whole
      text.textContent = 'The way is free again. Catching up…'
      const deadline = performance.now() + PATIENCE_MS
      while (!this.#isComplete() && !this.#gap && performance.now() < deadline) await pause(50)
      return this.#failure()
    } finally {
      clearInterval(counting)
      for (const end of ends) end()
    }
  }

  async #send(): Promise<void> {
    for (let number = 1; number <= EVENTS; number += 1) {
      const data = { orderId: `ORD-${2_000 + number}`, sentWhile: 'disconnected' }
      const position = await append(TYPE, data)
      this.#sentEvents.push(position)
      this.#list(position, TYPE, data.orderId)
      await pause(EVERY_MS)
    }
    const title = 'Sent while you were away'
    const { id } = await notify(userId, { type: 'info', title, message: 'It waited in your inbox.' })
    if (id !== undefined) this.#list(id, 'notification', title)
  }

  #list(key: string, kind: string, what: string): void {
    const state = make('span', 'waiting', 'on its way')
    this.#sent.set(key, state)
    missed.append(make('li', '', make('code', 'type', kind), make('span', 'what', what), state))
    if (this.#came.includes(key) || this.#notifications.has(key)) this.#tick(key)
  }

  #arrived(position: string | undefined): string | undefined {
    if (position === undefined) return undefined
    this.#came.push(position)
    if (!this.#sentEvents.includes(position)) return undefined
    this.#tick(position)
    return 'caught up'
  }

  #tick(key: string): void {
    const state = this.#sent.get(key)
    if (state === undefined) return
    state.textContent = '✓ here'
    state.className = 'here'
  }

  #isComplete(): boolean {
    return [...this.#sent.values()].every((state) => state.className === 'here')
  }

  #failure(): string | undefined {
    if (this.#gap) return 'Something that was sent meanwhile is no longer kept.'
    const absent = [...this.#sent.values()].filter((state) => state.className !== 'here').length
    if (absent > 0) return `${absent} of ${this.#sent.size} have not come.`
    const came = this.#came.filter((position) => this.#sentEvents.includes(position))
    if (came.length > this.#sentEvents.length) return 'Something came twice.'
    return came.join() === this.#sentEvents.join() ? undefined : 'They came in another order.'
  }
}

function countDown(): ReturnType<typeof setInterval> {
  const until = performance.now() + CUT_MS
  const show = () => {
    const left = Math.ceil((until - performance.now()) / 1_000)
    if (left > 0) text.textContent = `Cut off for ${left} s more. Others go on sending:`
  }
  show()
  return setInterval(show, 250)
}
