import { afterEach, describe, expect, test, vi } from 'vitest'
import { Frames } from '../../src/gateway/frames.ts'
import { readPushes } from '../../src/gateway/streams/pushes.ts'
import { StreamBody, type StreamPart } from '../../src/gateway/streams/stream-body.ts'
import { encodeEvent, encodeLines, StreamTransport } from '../../src/gateway/streams/stream-transport.ts'

afterEach(() => {
  vi.useRealTimers()
})

const part = (text: string): StreamPart => ({ bytes: text.length, render: () => text })

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream).text()
}

describe('the body of a stream', () => {
  test('counts what waits until the network asks for it, and makes its text no sooner', async () => {
    const body = new StreamBody(() => {})
    const rendered: string[] = []
    for (const text of ['one', 'three']) {
      body.push({
        bytes: text.length,
        render: () => {
          rendered.push(text)
          return text
        },
      })
    }
    expect([body.bufferedBytes, rendered]).toEqual([8, []])
    const reader = body.stream.getReader()
    expect(Buffer.from((await reader.read()).value!).toString()).toBe('onethree')
    expect([body.bufferedBytes, rendered]).toEqual([0, ['one', 'three']])
    const next = reader.read()
    body.push(part('later'))
    expect(Buffer.from((await next).value!).toString()).toBe('later')
    expect(body.bufferedBytes).toBe(0)
  })

  test('hands over a bounded part at once: the rest still waits', async () => {
    const body = new StreamBody(() => {})
    for (let n = 0; n < 100; n += 1) body.push(part('x'.repeat(10_000)))
    const reader = body.stream.getReader()
    const { value } = await reader.read()
    expect(value!.byteLength).toBe(70_000)
    expect(body.bufferedBytes).toBe(930_000)
  })

  test('what is nothing on the wire does not end the asking', async () => {
    const body = new StreamBody(() => {})
    const next = body.stream.getReader().read()
    await new Promise(setImmediate)
    body.push({ bytes: 10, render: () => '' })
    expect(body.bufferedBytes).toBe(0)
    body.push(part('something'))
    expect(Buffer.from((await next).value!).toString()).toBe('something')
  })

  test('ends behind what was pushed, and takes no more', async () => {
    const gone = vi.fn()
    const body = new StreamBody(gone)
    body.push(part('last words'))
    body.end()
    body.push(part('too late'))
    expect(await textOf(body.stream)).toBe('last words')
    expect(gone).not.toHaveBeenCalled()
    const waiting = new StreamBody(gone)
    const read = waiting.stream.getReader().read()
    waiting.end()
    expect((await read).done).toBe(true)
  })

  test('a peer that goes is told of once, and what waited for it is dropped', async () => {
    const gone = vi.fn()
    const body = new StreamBody(gone)
    body.push(part('unread'))
    await body.stream.cancel()
    body.gone()
    body.push(part('more'))
    expect(gone).toHaveBeenCalledTimes(1)
    expect(body.bufferedBytes).toBe(0)
  })

  test('a peer that does not take the end is cut off', async () => {
    vi.useFakeTimers()
    const body = new StreamBody(() => {})
    body.push(part('unread'))
    body.end()
    vi.advanceTimersByTime(3_000)
    expect(body.bufferedBytes).toBe(0)
    await expect(body.stream.getReader().read()).rejects.toThrow('does not read')
  })
})

describe('frames on a stream', () => {
  test('lines stay lines, and become one event each write', () => {
    expect(encodeLines('{"a":1}\n{}')).toBe('{"a":1}\n{}\n')
    expect(encodeEvent('{"a":1}\n{}')).toBe('data: {"a":1}\ndata: {}\n\n')
  })

  test('why it is closed is said in the last frame, once', async () => {
    const transport = new StreamTransport('http_stream', encodeLines, () => {})
    transport.write(new Frames('{"id":1}'))
    transport.close(3001, 'shutdown')
    transport.close(3000, 'again')
    transport.write(new Frames('{"id":2}'))
    expect(await textOf(transport.body.stream)).toBe(
      '{"id":1}\n{"push":{"disconnect":{"code":3001,"reason":"shutdown"}}}\n',
    )
  })

  test('frames are read once for all who get them, and what concerns no listener is left out', () => {
    const lines = [
      '{}',
      '{"push":{"channel":"a","pub":{"data":{"n":1},"offset":7}}}',
      '{"push":{"channel":"a","join":{"info":{"user":"u","client":"c"}}}}',
      '{"push":{"channel":"a","unsubscribe":{"code":2500,"reason":"r"}}}',
      '{"id":3,"rpc":{"data":1}}',
    ]
    const frames = new Frames(lines.join('\n'))
    const pushes = readPushes(frames)
    expect(pushes.map(({ kind }) => kind)).toEqual(['ping', 'publication', 'unsubscribed'])
    expect(pushes[1]).toMatchObject({ json: '{"channel":"a","data":{"n":1},"offset":7}' })
    expect(readPushes(frames)).toBe(pushes)
  })
})
