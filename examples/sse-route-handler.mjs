// Events for browsers as a route handler of Web requests and responses, as Next.js, Remix, Hono, Bun and Deno have them,
// here called by hand. Each event's id is its position: a browser that comes back sends the last one by itself, and gets
// exactly what it has missed.
//
//   node examples/sse-route-handler.mjs
import { EventBus } from 'tidings'

const bus = new EventBus({ redis: process.env.REDIS_URL ?? 'memory:' })
await bus.policies.apply({ 'example.sse.*': { history: { maxCount: 1_000, maxAgeMs: 60_000 } } })

// In Next.js this is app/events/route.js, and `bus` is made once for all requests. Look here who asks, and what for.
export async function GET(request) {
  const since = request.headers.get('last-event-id') ?? undefined
  const gaps = []
  const events = await bus.subscribe('example.sse.order', { since, onGap: (gap) => gaps.push(gap) })
  const encoder = new TextEncoder()
  const body = new ReadableStream({
    async pull(controller) {
      const { value, done } = await events.next()
      if (done) return controller.close()
      // What retention has passed cannot be had any more. The page is told.
      const lost = gaps.splice(0).map((gap) => `event: gap\ndata: ${JSON.stringify(gap)}\n\n`)
      const frame = `id: ${value.position}\ndata: ${JSON.stringify(value.data)}\n\n`
      controller.enqueue(encoder.encode(lost.join('') + frame))
    },
    // The browser has gone.
    cancel: () => events.return(),
  })
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store, no-transform' },
  })
}

// A browser's part: it reads an event, and notes its id.
async function readEvents(response, count) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  while (text.split('\n\n').length <= count) text += (await reader.read()).value
  await reader.cancel()
  return [...text.matchAll(/^id: (.*)\ndata: (.*)$/gm)].map(([, id, data]) => ({ id, data: JSON.parse(data) }))
}

const url = 'http://localhost/events'
const response = await GET(new Request(url))
await bus.append('example.sse.order', { number: 1 })
const [first] = await readEvents(response, 1)
console.log('live:', first.data)

// The connection is cut. Meanwhile:
await bus.append('example.sse.order', { number: 2 })
await bus.append('example.sse.order', { number: 3 })

const resumed = await GET(new Request(url, { headers: { 'last-event-id': first.id } }))
for (const { data } of await readEvents(resumed, 2)) console.log('missed, and given now:', data)
await bus.close()
