// Events with schemas: what does not fit is never sent, and never reaches a handler.
//
//   node examples/typed-events.mjs
import { defineEvent, EventBus } from 'tidings'
import { z } from 'zod'

const OrderPaid = defineEvent('order.paid', {
  schema: z.object({ orderId: z.string(), cents: z.number().int().positive() }),
})

const bus = new EventBus({
  redis: process.env.REDIS_URL ?? 'memory:',
  onError: (error) => console.log(`not handed to any handler: ${error.message}`),
})

// In TypeScript, event.data has the type of the schema's output.
await bus.on(OrderPaid, (event) => {
  console.log(`${event.data.orderId} paid ${event.data.cents / 100}`)
})

await bus.emit(OrderPaid, { orderId: 'ORD-123', cents: 9999 })

try {
  await bus.emit(OrderPaid, { orderId: 'ORD-124', cents: -1 })
} catch (error) {
  console.log(`${error.code}: ${error.message}`, error.context.issues)
}

// Another program, in another language, that knows nothing of the schema:
const refused = bus.publisher.publishEvent('events:order.paid', 'order.paid', { orderId: 7 })
await Promise.all([refused, nextError(bus)])
await bus.close()

async function nextError(bus) {
  for await (const status of bus.status()) if (status.kind === 'error') return
}
