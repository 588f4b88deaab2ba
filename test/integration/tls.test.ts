import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Publisher, Subscriber } from '../../src/index.ts'
import { type Certificates, makeCertificates } from '../support/certificates.ts'
import { freePort, RedisServer } from '../support/redis-server.ts'

const dir = mkdtempSync(join(tmpdir(), 'tidings-tls-'))
const servers: RedisServer[] = []

async function start(certificates: Certificates): Promise<number> {
  const port = await freePort()
  servers.push(
    await RedisServer.start({
      config: {
        'tls-port': String(port),
        'tls-cert-file': certificates.certFile,
        'tls-key-file': certificates.keyFile,
        'tls-ca-cert-file': certificates.caFile,
        'tls-auth-clients': 'no',
      },
    }),
  )
  return port
}

let good: Certificates
let port: number
beforeAll(async () => {
  good = makeCertificates(dir, 'good', 'IP:127.0.0.1')
  port = await start(good)
})
afterAll(async () => {
  for (const server of servers) await server.stopWithoutLeaks()
  rmSync(dir, { recursive: true })
})

test('TLS with a certificate that is trusted', async () => {
  const redis = { host: '127.0.0.1', port, tls: { ca: good.ca } }
  await using subscriber = new Subscriber({ redis })
  await using publisher = new Publisher({ redis })
  const received: unknown[] = []
  await subscriber.subscribe('tls', (_channel, message) => received.push(message))
  expect(await publisher.publish('tls', 'sealed')).toBe(1)
  await expect.poll(() => received).toEqual(['sealed'])
})

test('a certificate that nobody vouches for, of another name, or out of date is refused; plain text is no way out', async () => {
  const other = makeCertificates(dir, 'other', 'IP:127.0.0.1')
  const wrongName = makeCertificates(dir, 'name', 'DNS:elsewhere.example')
  const expired = makeCertificates(dir, 'expired', 'IP:127.0.0.1', -1)
  const attempts = [
    { options: { redis: `rediss://127.0.0.1:${port}` }, cause: /self.signed|unable to verify|certificate/ },
    { options: { host: '127.0.0.1', port, tls: { ca: other.ca } }, cause: /signature|unable to verify|issuer|chain/ },
    {
      options: { host: '127.0.0.1', port: await start(wrongName), tls: { ca: wrongName.ca } },
      cause: /altnames|does not match/,
    },
    { options: { host: '127.0.0.1', port: await start(expired), tls: { ca: expired.ca } }, cause: /expired/ },
  ]
  for (const { options, cause } of attempts) {
    await using publisher = new Publisher({ ...options, commandTimeoutMs: 400 })
    await expect(publisher.publish('tls', 'never')).rejects.toMatchObject({
      code: 'NOT_CONNECTED',
      cause: { message: expect.stringMatching(cause) },
    })
  }
  await using plain = new Publisher({ redis: `redis://127.0.0.1:${port}`, commandTimeoutMs: 400 })
  await expect(plain.publish('tls', 'never')).rejects.toMatchObject({ code: 'NOT_CONNECTED' })
})
