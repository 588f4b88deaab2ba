import { byId } from './dom.ts'
import { EventsView } from './events-view.ts'
import { InboxView } from './inbox-view.ts'
import { outageButton } from './outage.ts'
import { sendForms } from './send-forms.ts'
import { client, userId } from './session.ts'

const STATES = { connecting: 'Connecting…', connected: 'Connected', closed: 'Closed' } as const

const state = byId('state', HTMLParagraphElement)

function showState(now: keyof typeof STATES): void {
  state.dataset.state = now
  state.textContent = STATES[now]
}

byId('user', HTMLInputElement).value = userId
byId('second-tab', HTMLAnchorElement).href = `?${new URLSearchParams({ user: userId })}`

client.onState(showState)
showState(client.state)

const events = new EventsView()
const inbox = new InboxView()
sendForms(events)
outageButton(events, inbox)
