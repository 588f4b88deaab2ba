import { type } from 'arktype'
import * as v from 'valibot'
import { z } from 'zod'
import type { DataArgument, Event, EventDefinition, EventStream, InputOf } from '../../src/index.ts'
import { defineEvent, EventBus } from '../../src/index.ts'
import { typeOf } from './type-of.ts'

// Nothing here runs: the compiler is the test.

interface Created {
  readonly orderId: string
  readonly total: number
}
interface Shop {
  'order.created': Created
  'order.paid': { orderId: string; method: 'card' | 'cash' }
  'user.created': { name: string }
  'cache.cleared': undefined
}

const OrderPaid = defineEvent('order.paid', { schema: z.object({ orderId: z.string(), at: z.coerce.date() }) })

export async function untypedBus(): Promise<void> {
  const bus = new EventBus({ redis: 'memory:' })
  typeOf(bus).is<EventBus<Record<string, unknown>>>()

  await bus.emit('anything', { at: 'all' })
  await bus.emit('error')
  await bus.on('order.created', (event) => typeOf(event).is<Event<string, unknown>>())
  await bus.onPattern('order.*', (type, event) => {
    typeOf(type).is<string>()
    typeOf(event).is<Event<string, unknown>>()
  })
  await bus.onPattern('order.*', (type) => typeOf(type).is<string>())
  const first = await bus.once('order.created')
  typeOf(first).is<Event<string, unknown>>()
  for await (const event of await bus.subscribe('x')) typeOf(event).is<Event<string, unknown>>()
  for await (const event of await bus.subscribePattern('x*')) typeOf(event).is<Event<string, unknown>>()
  const reply: unknown = await bus.request('price', { item: 'tea' }, { timeoutMs: 100 })
  typeOf(reply).is<unknown>()

  const name: string = 'computed'
  await bus.emit(name, 1)
  await bus.onPattern(name, (type) => typeOf(type).is<string>())

  // @ts-expect-error an event type is a string
  await bus.emit(1)
  // @ts-expect-error data of an untyped bus is unknown until somebody looks
  await bus.on('order.created', (event) => event.data.orderId)
}

export async function busOfATypeMap(): Promise<void> {
  const bus = new EventBus<Shop>()

  await bus.emit('order.created', { orderId: '1', total: 2 })
  await bus.emit('cache.cleared')
  await bus.on('order.created', (event) => typeOf(event).is<Event<'order.created', Created>>())
  const paid = await bus.once('order.paid')
  typeOf(paid.data.method).is<'card' | 'cash'>()
  const stream = await bus.subscribe('user.created')
  typeOf(stream).is<EventStream<Event<'user.created', { name: string }>>>()
  await bus.reply('user.created', (event) => event.data.name.length)
  await bus.request('user.created', { name: 'Ann' })

  // @ts-expect-error there is no such event type
  await bus.emit('order.creatd', { orderId: '1', total: 2 })
  // @ts-expect-error there is no such event type
  await bus.on('order.creatd', () => {})
  // @ts-expect-error there is no such event type
  await bus.once('nothing')
  // @ts-expect-error there is no such event type
  await bus.subscribe('nothing')
  // @ts-expect-error there is no such event type
  await bus.request('nothing', {})
  // @ts-expect-error there is no such event type
  await bus.reply('nothing', () => {})
  // @ts-expect-error a string is not known to be an event type of this bus
  await bus.emit(String('order.created'), { orderId: '1', total: 2 })
  // @ts-expect-error the data is missing
  await bus.emit('order.created')
  // @ts-expect-error the data is wrong
  await bus.emit('order.created', { orderId: 1, total: 2 })
  // @ts-expect-error the data has too much
  await bus.emit('user.created', { name: 'Ann', age: 3 })
  // @ts-expect-error nothing checks this map: it has no schemas to give
  new EventBus<Shop>({ events: { 'order.created': { orderId: '', total: 1 } } })

  // One may pass on what one was given, without knowing which event it is.
  async function passOn<Type extends keyof Shop>(type: Type, ...data: DataArgument<InputOf<Shop, Type>>) {
    await bus.emit(type, ...data)
  }
  await passOn('user.created', { name: 'Ann' })
}

export async function patterns(): Promise<void> {
  const bus = new EventBus<Shop>()

  await bus.onPattern('order.*', (type, event) => {
    typeOf(type).is<'order.created' | 'order.paid'>()
    typeOf(event.type).is<'order.created' | 'order.paid'>()
    if (event.type === 'order.paid') typeOf(event.data).is<Shop['order.paid']>()
    else typeOf(event.data).is<Created>()
    switch (event.type) {
      case 'order.created':
      case 'order.paid':
        return
      default:
        typeOf(event).is<never>()
    }
  })
  await bus.onPattern('*.created', (type) => typeOf(type).is<'order.created' | 'user.created'>())
  await bus.onPattern('*', (type) => typeOf(type).is<keyof Shop>())
  await bus.onPattern('*r*.*d', (type) => typeOf(type).is<Exclude<keyof Shop, 'cache.cleared'>>())
  await bus.onPattern('order.paid', (type) => typeOf(type).is<'order.paid'>())
  // What the compiler cannot work out stands for everything.
  await bus.onPattern('order.?aid', (type) => typeOf(type).is<keyof Shop>())
  await bus.onPattern('order.[cp]*', (type) => typeOf(type).is<keyof Shop>())
  await bus.onPattern('order\\.*', (type) => typeOf(type).is<keyof Shop>())
  await bus.onPattern(String('order.*'), (type) => typeOf(type).is<keyof Shop>())

  for await (const event of await bus.subscribePattern('*.created')) {
    if (event.type === 'user.created') typeOf(event.data).is<{ name: string }>()
  }

  // @ts-expect-error none of the bus's event types match
  await bus.onPattern('basket.*', () => {})
  // @ts-expect-error none of the bus's event types match
  await bus.subscribePattern('order.*.more')
}

export async function definitions(): Promise<void> {
  typeOf(OrderPaid).is<EventDefinition<'order.paid', { orderId: string; at: unknown }, { orderId: string; at: Date }>>()
  const plain = defineEvent('plain')
  typeOf(plain).is<EventDefinition<'plain', unknown>>()
  const declared = defineEvent<'declared', { n: number }>('declared')

  const untyped = new EventBus()
  await untyped.emit(OrderPaid, { orderId: '1', at: '2024-01-01' })
  await untyped.on(OrderPaid, (event) => {
    typeOf(event).is<Event<'order.paid', { orderId: string; at: Date }>>()
  })
  const bus = new EventBus<Shop>()
  await bus.emit(OrderPaid, { orderId: '1', at: '2024-01-01' })
  await bus.on(OrderPaid, ({ data }) => typeOf(data).is<{ orderId: string; at: Date }>())
  await bus.emit(declared, { n: 1 })
  await bus.emit(plain)
  const first = await bus.once(declared)
  typeOf(first).is<Event<'declared', { n: number }>>()

  // @ts-expect-error the data is missing
  await bus.emit(OrderPaid)
  // @ts-expect-error the data is wrong
  await bus.emit(OrderPaid, { orderId: 1, at: '2024-01-01' })
  // @ts-expect-error this is no schema
  defineEvent('order.paid', { schema: { orderId: 'string' } })
}

export async function busOfSchemas(): Promise<void> {
  const bus = new EventBus({
    redis: 'memory:',
    events: {
      zod: z.object({ n: z.string().transform(Number) }),
      valibot: v.object({ n: v.optional(v.number(), 1) }),
      arktype: type({ n: 'string.numeric.parse' }),
      'order.paid': OrderPaid,
      nothing: z.undefined(),
    },
  })

  await bus.emit('zod', { n: '1' })
  await bus.emit('valibot', {})
  await bus.emit('arktype', { n: '1' })
  await bus.emit('nothing')
  await bus.emit('order.paid', { orderId: '1', at: 0 })
  await bus.on('zod', ({ data }) => typeOf(data).is<{ n: number }>())
  await bus.on('valibot', ({ data }) => typeOf(data).is<{ n: number }>())
  await bus.on('arktype', ({ data }) => typeOf(data).is<{ n: number }>())
  await bus.onPattern('order.*', (type, { data }) => {
    typeOf(type).is<'order.paid'>()
    typeOf(data).is<{ orderId: string; at: Date }>()
  })

  // @ts-expect-error emit takes what the schema takes, not what it gives
  await bus.emit('zod', { n: 1 })
  // @ts-expect-error the data is missing
  await bus.emit('zod')
  // @ts-expect-error there is no such event type
  await bus.emit('other', {})
  // @ts-expect-error this is no schema
  new EventBus({ events: { broken: 'string' } })
}

export async function openMaps(): Promise<void> {
  const bus = new EventBus<{ [key: `order.${string}`]: Created; other: string }>()
  await bus.emit('order.anything', { orderId: '1', total: 1 })
  await bus.on('order.x', ({ data }) => typeOf(data).is<Created>())
  // Which of an endless set of types a pattern matches is not for the compiler to say.
  await bus.onPattern('order.c*', (type) => typeOf(type).is<`order.${string}`>())
  // @ts-expect-error there is no such event type
  await bus.emit('user.created', { orderId: '1', total: 1 })
}

export async function statuses(): Promise<void> {
  const bus = new EventBus({ onError: (error) => typeOf(error.retryable).is<boolean>() })
  for await (const status of bus.status()) {
    if (status.kind === 'lost') typeOf(status.count).is<number>()
    if (status.kind === 'interruption') typeOf(status.downMs).is<number>()
  }
}
