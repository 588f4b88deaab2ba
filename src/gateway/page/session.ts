import { toClientError } from '../../client/client-error.ts'
import { type Client, createClient } from '../../client/index.ts'
import { createSdk } from '../../client/sdk.ts'
import { Line } from './line.ts'

const MAX_USER_LENGTH = 64

/** Who looks at this page: `?user=` of its address. */
export const userId: string =
  new URLSearchParams(location.search).get('user')?.trim().slice(0, MAX_USER_LENGTH) || 'ada'

async function getToken(): Promise<string> {
  const response = await fetch(`/dev/token?${new URLSearchParams({ user: userId })}`)
  if (!response.ok) throw new Error(`No token: ${response.status} ${response.statusText}`)
  return ((await response.json()) as { token: string }).token
}

const gateway = { url: location.origin, getToken }

/** What the page's own connection goes over. */
export const line: Line = new Line()

/** The page's own connection. */
export const client: Client = createClient({ ...gateway, transports: ['websocket'], websocket: line.WebSocket })

/** Sends over a connection of its own, as another program would. */
const other = createSdk(gateway)
other.connect()

async function call(method: string, data: object): Promise<unknown> {
  try {
    return (await other.rpc(method, data)).data
  } catch (error) {
    throw toClientError(error)
  }
}

export interface NotificationText {
  readonly type: string
  readonly title: string
  readonly message: string
}

/** Resolves to where the event is. */
export async function append(type: string, data: unknown): Promise<string> {
  return ((await call('dev.append', { type, data })) as { position: string }).position
}

/** What became of a notification; with an id where it was stored. */
export interface Sent {
  readonly outcome: string
  readonly id?: string
}

export async function notify(to: string, text: NotificationText): Promise<Sent> {
  return (await call('dev.notify', { userId: to, ...text })) as Sent
}

export async function broadcast(text: NotificationText): Promise<void> {
  await call('dev.broadcast', text)
}
