import { z } from 'zod'
import { type Client, type ClientEvent, createClient, type Event } from '../../src/client/index.ts'
import { defineConfig, jwtGatekeeper } from '../../src/gateway/index.ts'
import { createHttp } from '../../src/http/index.ts'
import { defineEvent } from '../../src/index.ts'
import { typeOf } from './type-of.ts'

// Nothing here runs: the compiler is the test.

interface Shop {
  'order.created': { orderId: string }
  'cache.cleared': undefined
}
const events = {
  'order.paid': z.object({ orderId: z.string(), amount: z.string().transform(Number) }),
  'user.created': defineEvent('user.created', { schema: z.object({ name: z.string() }) }),
}

export async function typeMap(): Promise<void> {
  const client = createClient<Shop>({ url: '/' })
  typeOf(client).is<Client<Shop>>()
  client.events.on('order.created', (event) => typeOf(event).is<Event<'order.created', { orderId: string }>>())
  typeOf(await client.events.once('order.created')).is<ClientEvent<Shop, 'order.created'>>()
  typeOf(await client.events.history('order.created')).is<Event<'order.created', { orderId: string }>[]>()
  await client.events.emit('order.created', { orderId: '1' })
  await client.events.emit('cache.cleared')

  // @ts-expect-error no event of this shop
  client.events.on('order.creatd', () => {})
  // @ts-expect-error data of another event
  await client.events.emit('order.created', { n: 1 })
  // @ts-expect-error data is missing
  await client.events.emit('order.created')
}

export async function mapOfSchemas(): Promise<void> {
  const client = createClient<typeof events>({ url: '/' })
  // What travels is what was emitted; what a schema makes of it, only who runs the schema has.
  client.events.on('order.paid', (event) => typeOf(event.data).is<{ orderId: string; amount: string }>())
  client.events.on('user.created', (event) => typeOf(event.data).is<{ name: string }>())
  await client.events.emit('order.paid', { orderId: '1', amount: '2' })
  // @ts-expect-error the schema takes a string
  await client.events.emit('order.paid', { orderId: '1', amount: 2 })
}

export async function untyped(): Promise<void> {
  const client = createClient({ url: '/' })
  client.events.on('anything', (event) => typeOf(event).is<Event<string, unknown>>())
  await client.events.emit('anything')
  await client.events.emit('anything', 1)
}

export async function inbox(): Promise<void> {
  const { inbox } = createClient({ url: '/' })
  typeOf(await inbox.markAsRead('a')).is<'changed' | 'already' | 'unknown'>()
  typeOf(await inbox.markAsRead(['a'])).is<('changed' | 'already' | 'unknown')[]>()
  inbox.onNotification(({ title }) => typeOf(title).is<string>())
  // @ts-expect-error no view of an inbox
  await inbox.list({ view: 'everything' })
}

export async function overHttp(): Promise<void> {
  const http = createHttp<Shop>({ url: 'https://a.example', apiKey: 'key' })
  typeOf(await http.emit('order.created', { orderId: '1' })).is<number>()
  typeOf((await http.append('order.created', { orderId: '1' })).position).is<string>()
  // @ts-expect-error data of another event
  await http.emit('order.created', { n: 1 })
  await createHttp({ url: 'https://a.example', apiKey: process.env.API_KEY }).emit('anything', 1)
  jwtGatekeeper({ keys: [{ alg: 'HS256', secret: process.env.TOKEN_SECRET }] })
  defineConfig({ keys: [{ alg: 'HS256', secret: process.env.OLD_SECRET, kid: 'old' }] })
}
