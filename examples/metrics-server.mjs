// Prometheus metrics of a program that publishes and subscribes, on any Node server.
//
//   node examples/metrics-server.mjs          then: curl http://127.0.0.1:9464/metrics
import { createServer } from 'node:http'
import { connect, createMetrics, Monitor, Publisher, Subscriber } from 'tidings'

const connection = await connect(process.env.REDIS_URL ?? 'memory:')
const metrics = createMetrics({ monitor: new Monitor({ redis: connection }), channelLabel: ['user:*'] })

const subscriber = new Subscriber({ redis: connection })
await subscriber.psubscribe('user:*', () => {})
await subscriber.subscribe('news', () => {})
const publisher = new Publisher({ redis: connection })
await Promise.all([1, 2, 3].map((id) => publisher.publish(`user:${id}`, 'hello')))
await publisher.publish('news', 'the metrics are up')

const server = createServer((request, response) => {
  if (request.url === '/metrics') metrics.handler(request, response)
  else response.writeHead(404).end()
})
server.listen(Number(process.env.PORT ?? 9464), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/metrics`)
})

process.once('SIGINT', stop)
process.once('SIGTERM', stop)
async function stop() {
  server.close()
  metrics.close()
  await connection.close()
}
