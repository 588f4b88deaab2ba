// Events between the parts of a program, or between programs. Without REDIS_URL all of it happens in this process.
//
//   node examples/quick-start.mjs
//   REDIS_URL=redis://127.0.0.1:6379 node examples/quick-start.mjs
import { EventBus } from 'tidings'

const bus = new EventBus({ redis: process.env.REDIS_URL ?? 'memory:' })

await bus.on('order.created', (event) => {
  console.log('order.created:', event.data)
})
await bus.onPattern('order.*', (type, event) => {
  console.log(`order.* saw ${type}:`, event.data)
})

// A stream is subscribed once it is there, and buffers what comes before it is read.
const shipments = await bus.subscribe('order.shipped')

const receivers = await bus.emit('order.created', { orderId: 'ORD-123', total: 99.99 })
console.log(`order.created reached ${receivers} subscriptions`)
await bus.emit('order.shipped', { orderId: 'ORD-123', carrier: 'UPS' })

for await (const event of shipments) {
  console.log('shipped by', event.data.carrier)
  break
}
await bus.close()
