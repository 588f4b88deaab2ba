// Asking a question over the bus, and getting one answer.
//
//   node examples/request-reply.mjs
import { EventBus } from 'tidings'

const redis = process.env.REDIS_URL ?? 'memory:'
const service = new EventBus({ redis, onError: (error) => console.log(`in the service: ${error.message}`) })
const caller = new EventBus({ redis })

try {
  await caller.request('price.quote', { sku: 'BOOK-1' })
} catch (error) {
  console.log(`${error.code}: nobody answers yet`)
}

const prices = new Map([['BOOK-1', 1499]])
await service.reply('price.quote', (event) => {
  const cents = prices.get(event.data.sku)
  if (cents === undefined) throw new Error(`no price for ${event.data.sku}`)
  return { cents }
})

console.log('quote:', await caller.request('price.quote', { sku: 'BOOK-1' }, { timeoutMs: 500 }))
try {
  await caller.request('price.quote', { sku: 'BOOK-2' })
} catch (error) {
  console.log(`${error.code}: ${error.message}`)
}

await caller.close()
await service.close()
