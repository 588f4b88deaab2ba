import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openApi, type TestApi } from '../support/api.ts'

let api: TestApi
beforeEach(async () => {
  api = await openApi({ connection: { redis: `memory:${randomUUID()}` } })
})
afterEach(() => api.close())

/** The status that is answered before the connection is closed. */
async function statusOf(bytes: string): Promise<number> {
  const socket = connect(api.port, '127.0.0.1')
  socket.write(bytes)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Number(Buffer.concat(chunks).toString().split(' ')[1])
}

describe.each(['GET //', 'GET /\\', 'TRACE /', 'GET http://u:p@x/', 'GET http://[/', 'OPTIONS *'])('%s', (line) => {
  test('is answered, and the gateway goes on', async () => {
    expect(await statusOf(`${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)).toBeGreaterThanOrEqual(400)
    expect((await fetch(`http://127.0.0.1:${api.port}/health/live`)).status).toBe(200)
  })

  test('is answered and closed as an upgrade, and the gateway goes on', async () => {
    const headers = 'Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
    expect(await statusOf(`${line} HTTP/1.1\r\n${headers}\r\n`)).toBe(404)
    expect((await fetch(`http://127.0.0.1:${api.port}/health/live`)).status).toBe(200)
  })
})
