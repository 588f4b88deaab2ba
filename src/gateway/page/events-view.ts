import type { Event as Arrived } from '../../client/index.ts'
import { announce, byId, make, reasonOf, timeOf } from './dom.ts'
import { client } from './session.ts'

const FIRST_TYPES = ['order.created', 'order.paid', 'order.shipped', 'stock.low']
const MAX_SHOWN = 200

const list = byId('events', HTMLOListElement)
const none = byId('no-events', HTMLParagraphElement)
const count = byId('event-count', HTMLSpanElement)
const listening = byId('listening', HTMLSpanElement)
const suggestions = byId('event-types', HTMLDataListElement)

/** The list of what arrived, newest first. */
export class EventsView {
  readonly #types = new Map<string, Promise<void>>()
  readonly #watchers = new Set<(event: Arrived) => string | undefined>()
  readonly #gapWatchers = new Set<() => void>()
  #count = 0

  constructor() {
    for (const type of FIRST_TYPES) {
      this.listen(type).catch((error) => this.#line('failed', `Not listening to ${type}: ${reasonOf(error)}`))
    }
  }

  /** Resolves when what is sent from now on arrives. */
  async listen(type: string): Promise<void> {
    let begun = this.#types.get(type)
    if (begun === undefined) {
      begun = client.events.on(type, (event) => this.#show(event), { onGap: () => this.#showGap(type) }).ready
      this.#types.set(type, begun)
      begun.then(
        () => showType(type),
        () => this.#types.delete(type),
      )
    }
    await begun
  }

  /** The watcher sees each event before it is shown, and may give it a mark. */
  watch(watcher: (event: Arrived) => string | undefined, onGap: () => void): () => void {
    this.#watchers.add(watcher)
    this.#gapWatchers.add(onGap)
    return () => {
      this.#watchers.delete(watcher)
      this.#gapWatchers.delete(onGap)
    }
  }

  #show(event: Arrived): void {
    const marks = [...this.#watchers].map((watcher) => watcher(event)).filter((mark) => mark !== undefined)
    const item = make(
      'li',
      'event',
      make(
        'div',
        'row',
        make('code', 'type', event.type),
        ...marks.map((mark) => make('span', 'mark', mark)),
        timeOf(event.timestamp),
      ),
      make('code', 'data', JSON.stringify(event.data)),
    )
    if (event.position !== undefined) item.append(make('span', 'position', `at ${event.position}`))
    this.#count += 1
    count.textContent = String(this.#count)
    this.#add(item)
    announce(`Event ${event.type} arrived`)
  }

  #showGap(type: string): void {
    this.#line('gap', `Events of ${type} are missing: they are no longer kept.`)
    for (const watcher of this.#gapWatchers) watcher()
  }

  #line(className: string, text: string): void {
    this.#add(make('li', className, text))
    announce(text)
  }

  #add(item: HTMLLIElement): void {
    none.hidden = true
    list.prepend(item)
    while (list.childElementCount > MAX_SHOWN) list.lastElementChild!.remove()
  }
}

function showType(type: string): void {
  listening.append(make('code', 'chip', type), ' ')
  const option = make('option', '')
  option.value = type
  suggestions.append(option)
}
