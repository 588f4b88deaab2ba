import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from '../../connection/connection.ts'
import { TidingsError } from '../../core/errors.ts'
import { EventBus } from '../../messaging/event-bus.ts'
import { type ShopEvents, shopEvents } from './shop-events.ts'
import type { Stage } from './stage.ts'

/** The show's own names, so that no real listener on the same Redis takes its events for real ones. */
export const DEMO_PREFIX = 'tidings-demo:'
/** Its internal names meet nobody's either. */
export const DEMO_NAMESPACE = 'tidings-demo'

const PAUSE_MS = 1_000

const ITEMS = [
  { item: 'tea', price: 12.5 },
  { item: 'a teapot', price: 34 },
  { item: 'honey', price: 8.9 },
] as const

type ShopBus = EventBus<ShopEvents>

/** Who takes part, for the introduction. */
export const CAST = [
  ['warehouse', 'on("order.created")', 'one event type, by its exact name'],
  ['mailer', 'on("order.paid")', 'fails at times'],
  ['audit', 'onPattern("order.*")', 'every event type that begins with "order."'],
  ['dashboard', 'subscribePattern("*")', 'a stream of all events, read by a for await loop'],
  ['pricing', 'reply("price.quote")', 'answers requests'],
] as const

/** Plays the shop until the signal is aborted, some event about every second, and concludes with the counts. */
export async function playShow(connection: Connection, stage: Stage, signal: AbortSignal): Promise<void> {
  const bus: ShopBus = new EventBus({
    redis: connection,
    channelPrefix: DEMO_PREFIX,
    events: shopEvents,
  })
  // At once: where Redis hangs, the step that is being played may not end in time.
  signal.addEventListener('abort', () => stage.conclude(), { once: true })
  try {
    await employ(bus, stage)
    const dashboard = await bus.subscribePattern('*', { signal })
    const reading = (async () => {
      for await (const event of dashboard) stage.heard('dashboard', event.type, 'draws it')
    })()
    for (let order = 1; !signal.aborted; order += 1) await playOrder(bus, stage, order, signal)
    await reading
  } finally {
    await bus.close()
  }
}

async function employ(bus: ShopBus, stage: Stage): Promise<void> {
  await bus.on('order.created', ({ type, data }) => {
    stage.heard('warehouse', type, `packs ${data.item} for ${data.orderId}`)
  })
  let payments = 0
  await bus.on(
    'order.paid',
    ({ type, data }) => {
      payments += 1
      if (payments % 2 === 1) throw new Error('the mail server is down')
      stage.heard('mailer', type, `thanks for ${data.total} (${data.orderId})`)
    },
    { onError: (error) => stage.failed('mailer', error.cause instanceof Error ? error.cause.message : error.message) },
  )
  await bus.onPattern('order.*', (type, { data }) => stage.heard('audit', type, `notes ${type} of ${data.orderId}`))
  await bus.reply('price.quote', ({ data }) => ({
    price: ITEMS.find(({ item }) => item === data.item)?.price ?? null,
  }))
}

/** The life of one order, a step a second. Each step is shown, and fails by itself. */
async function playOrder(bus: ShopBus, stage: Stage, order: number, signal: AbortSignal): Promise<void> {
  const { item, price } = ITEMS[order % ITEMS.length] ?? ITEMS[0]
  const orderId = `ORD-${order}`
  // What a program might read from elsewhere: the compiler cannot know that it is wrong.
  const wrong = JSON.parse(`{"orderId":"${orderId}","total":"much"}`)
  const steps = [
    () => emit(stage, 'order.created', { orderId, item, total: price }, (data) => bus.emit('order.created', data)),
    () => ask(stage, { item }, (data) => bus.request('price.quote', data, { timeoutMs: 2_000 })),
    () => emit(stage, 'order.paid', { orderId, total: price }, (data) => bus.emit('order.paid', data)),
    () => emit(stage, 'order.paid', wrong, (data) => bus.emit('order.paid', data)),
    () => emit(stage, 'order.shipped', { orderId, carrier: 'UPS' }, (data) => bus.emit('order.shipped', data)),
  ]
  for (const step of steps) {
    if (signal.aborted) return
    await step().catch((error: unknown) => {
      if (!(error instanceof TidingsError)) throw error
      if (error.code === 'INVALID_EVENT') stage.refused(issuesOf(error))
      else stage.trouble(error.message)
    })
    await delay(PAUSE_MS, undefined, { signal }).catch(() => {})
  }
}

/** What the schema found wrong. */
function issuesOf({ context, message }: TidingsError): string {
  const { issues } = context as { issues?: readonly { readonly message: string }[] }
  return issues?.map((issue) => issue.message).join(', ') ?? message
}

async function emit<Data>(
  stage: Stage,
  type: string,
  data: Data,
  send: (data: Data) => Promise<number>,
): Promise<void> {
  stage.emitting(type, data)
  stage.receivers(type, await send(data))
}

async function ask<Data>(stage: Stage, data: Data, send: (data: Data) => Promise<unknown>): Promise<void> {
  stage.asking('price.quote', data)
  const startedAt = performance.now()
  const reply = await send(data)
  stage.replied(reply, performance.now() - startedAt)
}
