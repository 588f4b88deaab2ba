import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import WebSocket from 'ws'
import { toClientError } from '../../src/client/client-error.ts'
import { endpointsOf } from '../../src/client/client-options.ts'
import { type Client, ClientError, type ClientOptions, createClient } from '../../src/client/index.ts'
import { CLIENT_ERRORS, DISCONNECTS } from '../../src/protocol/codes.ts'
import { eventually } from '../support/eventually.ts'
import { FakeGateway } from '../support/fake-gateway.ts'

let gateway: FakeGateway

beforeEach(async () => {
  gateway = await FakeGateway.start()
})
afterEach(() => gateway.close())

function connect(options: Partial<ClientOptions> = {}): Client {
  const client = createClient({
    url: gateway.url,
    websocket: WebSocket,
    minReconnectDelayMs: 5,
    maxReconnectDelayMs: 20,
    ...options,
  })
  onTestFinished(() => client.close())
  return client
}

const event = { type: 'a', timestamp: '2026-11-24T10:00:00.000Z', data: 1 }

describe('the state', () => {
  it('goes from connecting to connected and back, as the connection does', async () => {
    const client = connect()
    const states: string[] = []
    client.onState((state) => states.push(state))
    expect(client.state).toBe('connecting')
    await client.ready()
    gateway.cut()
    await eventually(() => expect(states).toEqual(['connected', 'connecting', 'connected']))
    client.close()
    expect(states.at(-1)).toBe('closed')
    expect(client.state).toBe('closed')
  })

  it('comes back after a disconnect that asks for it, and not after one that forbids it', async () => {
    const client = connect()
    await client.ready()
    const whys: unknown[] = []
    client.onState((state, { code, reason }) => whys.push([state, code, reason]))
    gateway.cut(DISCONNECTS.shutdown)
    await eventually(() => expect(whys).toHaveLength(2))
    gateway.cut(DISCONNECTS.forceNoReconnect)
    await eventually(() => expect(client.state).toBe('closed'))
    expect(whys).toEqual([
      ['connecting', 3001, 'shutdown'],
      ['connected', 0, 'connected'],
      ['closed', 3503, 'force disconnect'],
    ])
    const closed = { code: 'CLOSED', protocolCode: 3503 }
    await expect(client.ready()).rejects.toMatchObject(closed)
    await expect(client.events.on('a', () => {}).ready).rejects.toMatchObject(closed)
    await expect(client.events.emit('a')).rejects.toMatchObject(closed)
    await expect(client.inbox.counts()).rejects.toMatchObject(closed)
  })

  it('is told to handlers until they are taken away, and though one throws', async () => {
    const onError = vi.fn()
    const client = connect({ onError })
    const [gone, kept] = [vi.fn(), vi.fn()]
    client.onState(gone)()
    client.onState(() => {
      throw new Error('thrown')
    })
    client.onState(kept)
    await client.ready()
    expect(gone).not.toHaveBeenCalled()
    expect(kept).toHaveBeenCalledTimes(1)
    expect(onError.mock.calls).toMatchObject([[{ code: 'HANDLER_FAILED' }]])
  })
})

describe('close', () => {
  it('ends the connection, calls that run and calls that wait', async () => {
    const client = connect()
    await client.ready()
    gateway.rpc.set('inbox.counts', () => new Promise(() => {}))
    const running = client.inbox.counts()
    running.catch(() => {})
    await eventually(() => expect(gateway.of('rpc')).toHaveLength(1))
    client.close()
    client.close()
    await expect(running).rejects.toMatchObject({ code: expect.stringMatching(/CLOSED|CONNECTION_LOST/) })
    await eventually(() => expect(gateway.peers.size).toBe(0))
    const waiting = connect({ url: 'http://127.0.0.1:1' })
    const ready = waiting.ready()
    waiting[Symbol.dispose]()
    await expect(ready).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('lets no more events through', async () => {
    const client = connect()
    const handler = vi.fn()
    await client.events.on('a', handler).ready
    const [peer] = gateway.peers
    client.close()
    peer!.send({ push: { channel: 'events:a', pub: { data: event } } })
    await eventually(() => expect(gateway.peers.size).toBe(0))
    expect(handler).not.toHaveBeenCalled()
  })
})

describe('tokens', () => {
  it('are sent first, and asked for anew once one has expired', async () => {
    gateway.tokens = new Set(['good'])
    const getToken = vi.fn(() => 'good')
    const client = connect({ token: 'old', getToken })
    await client.ready()
    expect(gateway.of('connect').map(({ token }) => token)).toEqual(['old', 'good'])
    expect(getToken).toHaveBeenCalledTimes(1)
  })

  it('are renewed on a living connection', async () => {
    gateway.ttl = 1
    const getToken = vi.fn(async () => 'good')
    const client = connect({ getToken })
    await client.ready()
    await eventually(() => expect(gateway.of('refresh')).toEqual([{ token: 'good' }]))
    expect(gateway.of('connect')).toHaveLength(1)
  })

  it('that there are none of any more close the client', async () => {
    const client = connect({ getToken: () => null })
    await expect(client.ready()).rejects.toMatchObject({ code: 'CLOSED' })
    expect(gateway.of('connect')).toEqual([])
  })

  it('that could not be got are tried again', async () => {
    const onError = vi.fn()
    let attempts = 0
    const getToken = () => {
      attempts += 1
      if (attempts < 3) throw new Error('offline')
      return 'good'
    }
    await connect({ getToken, onError }).ready()
    expect(attempts).toBe(3)
    expect(onError).toHaveBeenCalled()
  })
})

describe('transports', () => {
  it.each(['http_stream', 'websocket'] as const)('may be %s', async (transport) => {
    const client = connect({ transports: [transport] })
    const next = client.events.once('a')
    await eventually(() => expect(gateway.of('subscribe')).toHaveLength(1))
    expect([...gateway.peers].map((peer) => peer.transport)).toEqual([transport])
    gateway.publish('events:a', event)
    expect(await next).toEqual(event)
    await client.events.emit('b', 2)
    expect(gateway.of('publish')).toMatchObject([{ channel: 'events:b' }])
  })

  it('fall back to HTTP streaming where WebSockets do not come through', async () => {
    gateway.hasWebSocket = false
    await connect().ready()
    expect([...gateway.peers].map((peer) => peer.transport)).toEqual(['http_stream'])
  })

  it('keep the token of a client out of every URL: no Server-Sent Events by default', async () => {
    const eventSource = vi.fn()
    const attempts: string[] = []
    const fetch = async (url: string) => {
      attempts.push(String(url))
      throw new Error('offline')
    }
    gateway.hasWebSocket = false
    connect({ token: 'secret', eventSource, fetch })
    await eventually(() => expect(attempts.length).toBeGreaterThan(2))
    expect(eventSource).not.toHaveBeenCalled()
    expect(attempts.filter((url) => url.includes('secret'))).toEqual([])
  })

  it('need something to connect by', () => {
    expect(() => createClient({ url: gateway.url, transports: [] })).toThrow(ClientError)
  })
})

describe('the url', () => {
  it.each([
    ['https://a.example', 'wss://a.example/connection/websocket', 'https://a.example/emulation'],
    ['http://a.example:80/live/', 'ws://a.example/live/connection/websocket', 'http://a.example/live/emulation'],
    ['wss://a.example/connection/websocket', 'wss://a.example/connection/websocket', 'https://a.example/emulation'],
  ])('%s is where everything is', (url, websocket, emulation) => {
    expect(endpointsOf(url)).toMatchObject({ websocket, emulation })
  })

  it.each(['', '/live', 'ftp://a.example', 'a.example:8000'])('%j is none outside of a page', (url) => {
    expect(() => endpointsOf(url)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
  })

  it('may be a path of the page', () => {
    vi.stubGlobal('location', { href: 'https://shop.example/cart?x=1' })
    onTestFinished(() => void vi.unstubAllGlobals())
    expect(endpointsOf('/live').http_stream).toBe('https://shop.example/live/connection/http_stream')
    expect(endpointsOf('/').sse).toBe('https://shop.example/connection/sse')
  })
})

describe('a ClientError', () => {
  it('has a name for every error of the protocol', () => {
    for (const [key, error] of Object.entries(CLIENT_ERRORS)) {
      const name = key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
      expect(toClientError(error)).toMatchObject({ code: name, protocolCode: error.code, message: error.message })
      expect(toClientError(error).temporary).toBe('temporary' in error)
    }
  })

  it('keeps the number of an error that is the program’s own', () => {
    expect(toClientError({ code: 1234, message: 'sold out' })).toMatchObject({
      code: 'REFUSED',
      protocolCode: 1234,
      message: 'sold out',
    })
  })

  it('is written to the console where nobody takes it', async () => {
    const written = vi.spyOn(console, 'error').mockImplementation(() => {})
    onTestFinished(() => written.mockRestore())
    const client = connect()
    await client.events.on('a', () => {
      throw new Error('thrown')
    }).ready
    gateway.publish('events:a', event)
    await eventually(() => expect(written.mock.calls).toMatchObject([[{ code: 'HANDLER_FAILED' }]]))
  })
})
