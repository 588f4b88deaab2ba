import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createGateway, type Gateway } from '../../src/gateway/gateway.ts'
import type { RpcMethod } from '../../src/gateway/inbox-rpc.ts'
import { EventBus, type NotificationInput, NotificationService } from '../../src/index.ts'
import { OpenGatekeeper } from './open-gatekeeper.ts'

const BUILD = fileURLToPath(new URL('../../scripts/page.mjs', import.meta.url))

const TYPES: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
}

const HEADERS = {
  'content-security-policy': "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}

/** The start page, built anew, with a gateway that lets everybody in. */
export interface StartPage {
  readonly url: string
  readonly bus: EventBus
  readonly notifications: NotificationService
  readonly gateway: Gateway
  close(): Promise<void>
}

export async function serveStartPage(): Promise<StartPage> {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-page-'))
  execFileSync(process.execPath, [BUILD, folder])
  const bus = new EventBus({ redis: `memory:${randomUUID()}` })
  await bus.policies.apply({ 'order.*': { history: { maxCount: 1_000 } } })
  const notifications = new NotificationService({ redis: bus.connection })
  const gateway = createGateway({
    bus,
    notifications,
    gatekeeper: new OpenGatekeeper(),
    rpc: devRpc(bus, notifications),
  })
  await gateway.ready
  const server = createServer((request, response) => answer(folder, gateway, request, response))
  gateway.attach(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    bus,
    notifications,
    gateway,
    async close() {
      await gateway.close(0)
      await notifications.close()
      await bus.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      rmSync(folder, { recursive: true })
    },
  }
}

function devRpc(bus: EventBus, notifications: NotificationService): Readonly<Record<string, RpcMethod>> {
  const text = ({ type, title, message }: NotificationInput) => ({ type, title, message })
  return {
    'dev.append': (sent) => {
      const { type, data } = sent as { readonly type: string; readonly data: unknown }
      return bus.append(type, data)
    },
    'dev.notify': (sent) => {
      const { userId, ...rest } = sent as NotificationInput & { readonly userId: string }
      return notifications.sendToUser(userId, text(rest))
    },
    'dev.broadcast': (sent) => notifications.broadcast(text(sent as NotificationInput)),
  }
}

function answer(folder: string, gateway: Gateway, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url!, 'http://localhost')
  const name = pathname === '/' ? 'index.html' : pathname.slice(1)
  if (pathname === '/dev/token') {
    const userId = searchParams.get('user')
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ token: `user:${userId}`, userId }))
  } else if (TYPES[name] !== undefined) {
    response.writeHead(200, { ...HEADERS, 'content-type': TYPES[name] })
    response.end(readFileSync(join(folder, name)))
  } else gateway.handler(request, response)
}
