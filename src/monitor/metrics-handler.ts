import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Registry, RegistryContentType } from 'prom-client'

/** What a Node HTTP server, Express, or Fastify's raw request and reply can be handed to. */
export type MetricsHandler = (request: IncomingMessage, response: ServerResponse) => void

function answer(response: ServerResponse, status: number, headers: Record<string, string>, body: string): void {
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body), 'Cache-Control': 'no-store' })
  response.end(body)
}

const PLAIN = { 'Content-Type': 'text/plain; charset=utf-8' }

/** Answers GET and HEAD with the registry's metrics, other methods with 405, a failed collector with 500. */
export function metricsHandler(registry: Registry<RegistryContentType>): MetricsHandler {
  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      answer(response, 405, { ...PLAIN, Allow: 'GET, HEAD' }, 'Use GET.\n')
      return
    }
    registry.metrics().then(
      (body) => answer(response, 200, { 'Content-Type': registry.contentType }, body),
      () => answer(response, 500, PLAIN, 'The metrics could not be collected.\n'),
    )
  }
}
