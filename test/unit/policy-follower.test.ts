import { afterEach, beforeEach, expect, test } from 'vitest'
import { TidingsError } from '../../src/core/errors.ts'
import { PolicyFollower } from '../../src/log/policy-follower.ts'
import { eventually } from '../support/eventually.ts'
import { FakeEventLog } from '../support/fake-event-log.ts'

let server: FakeEventLog
let errors: unknown[]
let follower: PolicyFollower

function make(everyMs: number): PolicyFollower {
  follower?.close()
  follower = new PolicyFollower({
    pubSub: server.pubSub,
    eventLog: server,
    everyMs,
    onError: (error) => errors.push(error),
  })
  return follower
}

const policies = { 'order.*': { history: { maxCount: 10 } } }

beforeEach(() => {
  server = new FakeEventLog()
  errors = []
  make(60_000)
})
afterEach(async () => {
  follower.close()
  await server.pubSub.close()
})

test('reads nothing before it is asked, and shares one reading', async () => {
  let calls = 0
  server.gate = () => {
    calls += 1
  }
  server.pubSub.interrupt()
  expect([follower.current, calls]).toEqual([undefined, 0])
  const [one, two] = await Promise.all([follower.read(), follower.read()])
  expect([one === two, one === follower.current, calls]).toEqual([true, true, 1])
})

test('tells of changes, and only of changes', async () => {
  make(10)
  const versions: number[] = []
  follower.onChange(({ version }) => versions.push(version))
  await follower.read()
  let calls = 0
  server.gate = () => {
    calls += 1
  }
  await eventually(() => expect(calls).toBeGreaterThan(2))
  await server.replacePolicies(0, policies)
  await eventually(() => expect(versions).toEqual([1]))
  expect(follower.current?.find('order.1')?.policy).toEqual(policies['order.*'])
})

test('reads again after a break, also what has the same version', async () => {
  server.stored = { version: 1, policies: {} }
  await follower.read()
  server.stored = { version: 1, policies }
  server.pubSub.interrupt()
  await eventually(() => expect(follower.current?.mayLog('order.*')).toBe(true))
})

test('a first reading that fails rejects, a later one changes nothing', async () => {
  make(10)
  server.stored = { version: 1, policies }
  let calls = 0
  server.gate = () => {
    calls += 1
    throw new Error('away')
  }
  await expect(follower.read()).rejects.toThrow('away')
  server.gate = () => {}
  const table = await follower.read()
  server.gate = () => {
    calls += 1
    throw new Error('away')
  }
  await eventually(() => expect(calls).toBeGreaterThan(3))
  expect(follower.current).toBe(table)
})

test('without permission there are no policies, which it says once', async () => {
  server.gate = () => {
    throw new TidingsError('NO_PERMISSION', 'no')
  }
  expect((await follower.read()).version).toBe(0)
  await follower.read()
  expect(errors).toMatchObject([{ code: 'NO_PERMISSION' }])
})

test('policies that Redis has lost are set again by who knew them, and what is set is not changed', async () => {
  make(10)
  server.stored = { version: 3, policies }
  const table = await follower.read()
  const versions: number[] = []
  follower.onChange(({ version }) => versions.push(version))
  server.stored = { version: 0, policies: {} }
  await eventually(() => expect(server.stored).toEqual({ version: 1, policies }))
  await eventually(() => expect(versions).toEqual([1]))
  expect(follower.current?.find('order.1')).toEqual(table.find('order.1'))
  expect(errors).toMatchObject([{ code: 'POLICIES_RESTORED', context: { policies: 1 } }])
})

test('of two that knew them one sets them again; what another has set by then stays', async () => {
  server.stored = { version: 3, policies }
  await follower.read()
  server.stored = { version: 0, policies: {} }
  const replace = server.replacePolicies.bind(server)
  server.replacePolicies = async (version, mine) => {
    server.stored = { version: 1, policies: { other: { history: { maxCount: 1 } } } }
    return replace(version, mine)
  }
  expect((await follower.read()).mayLog('other')).toBe(true)
  expect(follower.current?.mayLog('order.*')).toBe(false)
  expect(errors).toEqual([])
})

test('who may not set them again goes by what it knew', async () => {
  server.stored = { version: 3, policies }
  const table = await follower.read()
  server.stored = { version: 0, policies: {} }
  server.replacePolicies = () => Promise.reject(new TidingsError('NO_PERMISSION', 'no'))
  expect(await follower.read()).toBe(table)
  expect(errors).toEqual([])
})

test('policies that were all taken away stay away', async () => {
  server.stored = { version: 3, policies }
  await follower.read()
  server.stored = { version: 4, policies: {} }
  expect((await follower.read()).mayLog('order.*')).toBe(false)
  expect(server.stored.version).toBe(4)
})
