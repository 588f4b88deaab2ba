import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type ProcessContext, processChannel } from '../../src/core/diagnostics.ts'
import { type BusStatus, EventBus, type Logger, Publisher, type TidingsError } from '../../src/index.ts'
import { eventually } from '../support/eventually.ts'
import { memoryHub } from '../support/memory-hub.ts'

const boom = new Error('boom')

function failing(): never {
  throw boom
}

async function failingLater(): Promise<void> {
  await turn()
  throw boom
}

/** Everything that readers of the status get, as it comes. */
function collect(bus: EventBus): BusStatus[] {
  const statuses: BusStatus[] = []
  void (async () => {
    for await (const status of bus.status()) statuses.push(status)
  })()
  return statuses
}

function recorder(): { logger: Logger; lines: [string, Record<string, unknown>, string][] } {
  const lines: [string, Record<string, unknown>, string][] = []
  const level = (name: string) => (fields: object, message: string) =>
    lines.push([name, fields as Record<string, unknown>, message])
  return { lines, logger: { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') } }
}

describe.each([
  ['throws', failing],
  ['rejects', failingLater],
])('a handler that %s', (_how, handler) => {
  it('is told to the bus, and harms no other handler', async () => {
    const errors: TidingsError[] = []
    await using bus = new EventBus({ redis: memoryHub(), onError: (error) => errors.push(error) })
    const seen: unknown[] = []
    await bus.on('x', handler)
    await bus.on('x', ({ data }) => seen.push(data))
    await bus.onPattern('x', handler)
    await bus.emit('x', 1)
    await bus.emit('x', 2)
    await eventually(() => expect(errors).toHaveLength(4))
    expect(seen).toEqual([1, 2])
    for (const error of errors) {
      expect(error).toMatchObject({
        code: 'HANDLER_FAILED',
        cause: boom,
        context: { type: 'x', channel: 'events:x' },
        message: 'A handler of "x" failed: boom',
      })
    }
  })

  it('is told to its own onError instead, and to the status in every case', async () => {
    const own: TidingsError[] = []
    const others: TidingsError[] = []
    await using bus = new EventBus({ redis: memoryHub(), onError: (error) => others.push(error) })
    const statuses = collect(bus)
    await bus.on('x', handler, { onError: (error) => own.push(error) })
    await bus.emit('x')
    await eventually(() => expect(own).toMatchObject([{ code: 'HANDLER_FAILED' }]))
    expect(others).toEqual([])
    await eventually(() => expect(statuses).toContainEqual({ kind: 'error', error: own[0] }))
    expect(statuses.filter(({ kind }) => kind === 'error')).toHaveLength(1)
  })

  it('is seen by traces', async () => {
    const traced: ProcessContext[] = []
    const listener = (message: unknown) => traced.push(message as ProcessContext)
    processChannel.error.subscribe(listener)
    try {
      await using bus = new EventBus({ redis: memoryHub(), onError: () => {} })
      await bus.on('x', handler)
      await bus.emit('x')
      await eventually(() =>
        expect(traced).toMatchObject([{ channel: 'events:x', error: { code: 'HANDLER_FAILED', cause: boom } }]),
      )
    } finally {
      processChannel.error.unsubscribe(listener)
    }
  })
})

describe('what is no event', () => {
  it.each(['text', '{"no":"event"}', '[1]', 'null', ''])('%j goes to onError and to no handler', async (message) => {
    const redis = memoryHub()
    await using publisher = new Publisher({ redis })
    const errors: TidingsError[] = []
    await using bus = new EventBus({ redis })
    let seen = 0
    const handler = () => {
      seen += 1
    }
    const options = { onError: (error: TidingsError) => errors.push(error) }
    await bus.on('x', handler, options)
    await bus.onPattern('*', handler, options)
    await publisher.publish('events:x', message)
    await eventually(() => expect(errors).toHaveLength(2))
    for (const error of errors) expect(error).toMatchObject({ code: 'INVALID_EVENT', context: { channel: 'events:x' } })
    expect(seen).toBe(0)
  })
})

describe('trouble that nobody listens for', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('goes to the logger', async () => {
    const { logger, lines } = recorder()
    await using bus = new EventBus({ redis: memoryHub(), logger })
    await bus.on('x', failing)
    await bus.emit('x')
    await bus.emit('x')
    const warnings = () => lines.filter(([level]) => level === 'warn')
    await eventually(() => expect(warnings()).toHaveLength(2))
    expect(warnings()[0]).toMatchObject(['warn', { err: { code: 'HANDLER_FAILED', cause: boom } }, /"x" failed/])
  })

  it('is one warning to the process where there is no logger', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    await using bus = new EventBus({ redis: memoryHub() })
    let seen = 0
    await bus.on('x', failing)
    await bus.on('x', () => {
      seen += 1
    })
    for (let n = 0; n < 3; n += 1) await bus.emit('x')
    await eventually(() => expect(seen).toBe(3))
    expect(warn).toHaveBeenCalledTimes(1)
    expect(warn.mock.calls[0]).toMatchObject([/boom.*onError/, { type: 'TidingsWarning', code: 'HANDLER_FAILED' }])
  })

  it('is not shown where somebody reads the status', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    await using bus = new EventBus({ redis: memoryHub() })
    const statuses = collect(bus)
    await bus.on('x', failing)
    await bus.emit('x')
    await eventually(() => expect(statuses).toMatchObject([{ kind: 'connected' }, { kind: 'error' }]))
    expect(warn).not.toHaveBeenCalled()
  })
})

describe('an onError that fails', () => {
  it.each([
    ['by throwing', failing],
    ['by rejecting', failingLater],
  ])('%s, breaks nothing and is logged', async (_how, onError) => {
    const { logger, lines } = recorder()
    await using bus = new EventBus({ redis: memoryHub(), logger, onError })
    const seen: unknown[] = []
    await bus.on('x', failing)
    await bus.on('x', ({ data }) => seen.push(data))
    await bus.emit('x', 1)
    await bus.emit('x', 2)
    await eventually(() => expect(seen).toEqual([1, 2]))
    await eventually(() => {
      const failures = lines.filter(([level, , message]) => level === 'warn' && message.includes('onError'))
      expect(failures).toHaveLength(2)
    })
  })
})

describe('the status of a bus', () => {
  it('begins with the call, goes to every reader, and ends with closed', async () => {
    const bus = new EventBus({ redis: memoryHub() })
    const [one, two] = [collect(bus), collect(bus)]
    await bus.emit('x')
    await eventually(() => expect(one).toEqual([{ kind: 'connected' }]))
    const late = bus.status()
    await bus.close()
    expect(await late.next()).toEqual({ value: { kind: 'closed' }, done: false })
    expect(await late.next()).toEqual({ value: undefined, done: true })
    expect(one).toEqual([{ kind: 'connected' }, { kind: 'closed' }])
    expect(two).toEqual(one)
    expect(await bus.status().next()).toEqual({ value: undefined, done: true })
  })

  it('is read no more once its loop is left', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    try {
      await using bus = new EventBus({ redis: memoryHub() })
      await bus.emit('x')
      const reading = (async () => {
        for await (const status of bus.status()) return status
      })()
      await bus.on('x', failing)
      await bus.emit('x')
      expect(await reading).toMatchObject({ kind: 'error' })
      await bus.emit('x')
      await eventually(() => expect(warn).toHaveBeenCalledTimes(1))
    } finally {
      warn.mockRestore()
    }
  })

  it('is told failures of handlers that stand on the subscriber itself', async () => {
    const errors: TidingsError[] = []
    await using bus = new EventBus({ redis: memoryHub(), onError: (error) => errors.push(error) })
    await bus.subscriber.subscribe('raw', failing)
    await bus.publisher.publish('raw', 1)
    await eventually(() => expect(errors).toMatchObject([{ code: 'HANDLER_FAILED', context: { channel: 'raw' } }]))
  })
})
