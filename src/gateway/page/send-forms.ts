import { byId, reasonOf, tell } from './dom.ts'
import type { EventsView } from './events-view.ts'
import { append, broadcast, client, notify, userId } from './session.ts'

/** The two forms that send. */
export function sendForms(events: EventsView): void {
  eventForm(events)
  notificationForm()
}

function eventForm(events: EventsView): void {
  const form = byId('event-form', HTMLFormElement)
  const type = byId('event-type', HTMLInputElement)
  const data = byId('event-data', HTMLTextAreaElement)
  const result = byId('event-result', HTMLParagraphElement)
  onSubmit(form, result, async () => {
    const value = parse(data)
    // A type that nobody here listens to yet: or it would be gone before it could be shown.
    await events.listen(type.value)
    if (new FormData(form).get('how') === 'emit') {
      await client.events.emit(type.value, value)
      return `Sent ${type.value}.`
    }
    return `Kept at ${await append(type.value, value)}.`
  })
  data.addEventListener('input', () => data.removeAttribute('aria-invalid'))
}

function parse(field: HTMLTextAreaElement): unknown {
  try {
    return field.value.trim() === '' ? null : JSON.parse(field.value)
  } catch (error) {
    field.setAttribute('aria-invalid', 'true')
    field.focus()
    throw new Error(`The data is not JSON: ${reasonOf(error)}`)
  }
}

function notificationForm(): void {
  const form = byId('notification-form', HTMLFormElement)
  const to = byId('to-user', HTMLInputElement)
  const type = byId('notification-type', HTMLSelectElement)
  const title = byId('title', HTMLInputElement)
  const message = byId('message', HTMLTextAreaElement)
  const result = byId('notification-result', HTMLParagraphElement)
  const forEverybody = () => new FormData(form).get('to') === 'everybody'
  const toggle = () => {
    to.disabled = forEverybody()
  }
  to.value ||= userId
  form.addEventListener('change', toggle)
  toggle()
  onSubmit(form, result, async () => {
    const text = { type: type.value, title: title.value, message: message.value }
    if (forEverybody()) {
      await broadcast(text)
      return 'Sent to everybody.'
    }
    const { outcome } = await notify(to.value, text)
    return outcome === 'stored' ? `Sent to ${to.value}.` : `Not stored for ${to.value}: ${outcome}.`
  })
}

function onSubmit(form: HTMLFormElement, result: HTMLElement, act: () => Promise<string>): void {
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    try {
      tell(result, await act())
    } catch (error) {
      tell(result, reasonOf(error), true)
    }
  })
}
