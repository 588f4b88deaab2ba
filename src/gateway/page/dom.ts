/** The element of the page with this id, which must be of this kind. */
export function byId<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id)
  if (found instanceof kind) return found
  throw new Error(`The page has no ${kind.name} "${id}".`)
}

/** Makes an element. What it holds is text or other elements, never HTML: nothing that was sent can become markup. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  ...content: readonly (string | Node)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag)
  if (className !== '') element.className = className
  element.append(...content)
  return element
}

export function timeOf(timestamp: string): HTMLTimeElement {
  const time = make('time', 'time', new Date(timestamp).toLocaleTimeString())
  time.dateTime = timestamp
  return time
}

/** Says how something went, where it was begun. */
export function tell(place: HTMLElement, text: string, failed = false): void {
  place.textContent = text
  place.classList.toggle('failed', failed)
}

export function reasonOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error) return String(error.message)
  return String(error)
}

const announcer = byId('announcer', HTMLParagraphElement)

/** Tells those who hear the page what others see. */
export function announce(text: string): void {
  announcer.textContent = text
}
