import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { apiRoutes } from '../../src/gateway/api/api-routes.ts'
import { compile, type JsonSchema } from '../../src/gateway/api/v1/json-schema.ts'
import type { HttpRoute } from '../../src/gateway/http/route.ts'
import { API_KEY, openApi, type TestApi } from '../support/api.ts'

// biome-ignore lint/suspicious/noExplicitAny: a document that is looked at.
type Any = any

let api: TestApi
let routes: readonly HttpRoute[]
let document: Any
let operations: { readonly path: string; readonly method: string; readonly operation: Any }[]

beforeAll(async () => {
  api = await openApi({
    connection: { redis: `memory:${randomUUID()}` },
    routes: (node) => {
      routes = apiRoutes(node, { apiKeys: [API_KEY] })
      return routes
    },
  })
  document = (await api.ask('GET', '/openapi.json')).body
  operations = Object.entries<Any>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Any>(methods).map(([method, operation]) => ({ path, method, operation })),
  )
})
afterAll(() => api.close())

/** The schema with what it refers to in its place. */
function resolved(value: Any): Any {
  if (Array.isArray(value)) return value.map(resolved)
  if (typeof value !== 'object' || value === null) return value
  if (value.$ref !== undefined) return resolved(at(value.$ref))
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, resolved(part)]))
}

function at(reference: string): Any {
  return reference
    .replace('#/', '')
    .split('/')
    .reduce((value: Any, name) => value?.[name], document)
}

const problemsOf = (schema: Any, value: unknown) => compile(resolved(schema) as JsonSchema)(value)

describe('the OpenAPI document', () => {
  test('has an Idempotency-Key for every write, and for nothing else', () => {
    for (const { path, method, operation } of operations) {
      const headers = (operation.parameters ?? []).map(resolved).filter((parameter: Any) => parameter.in === 'header')
      const names = headers.map(({ name, required = false }: Any) => [name, required])
      expect(names, `${method} ${path}`).toEqual(method === 'get' ? [] : [['Idempotency-Key', false]])
    }
  })

  test('is one of version 3.1, with its parts in their places', () => {
    expect(document.openapi).toBe('3.1.0')
    expect(document.info).toMatchObject({ title: 'Tidings', version: expect.any(String) })
    expect(Object.keys(document).sort()).toEqual(['components', 'info', 'openapi', 'paths', 'servers', 'tags'])
    const tags = document.tags.map(({ name }: { name: string }) => name)
    for (const { path, method, operation } of operations) {
      const where = `${method} ${path}`
      expect(['get', 'post', 'put', 'patch', 'delete'], where).toContain(method)
      expect(operation.summary, where).toEqual(expect.any(String))
      expect(tags, where).toEqual(expect.arrayContaining(operation.tags))
      const [security] = operation.security
      expect(Object.keys(document.components.securitySchemes), where).toContain(Object.keys(security)[0])
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const inPath = (operation.parameters ?? []).filter((parameter: Any) => parameter.in === 'path')
      expect(
        inPath.map(({ name }: { name: string }) => name),
        where,
      ).toEqual(named)
      expect(
        inPath.every(({ required }: { required: boolean }) => required),
        where,
      ).toBe(true)
      for (const parameter of operation.parameters ?? []) {
        expect(parameter, where).toMatchObject({ name: expect.any(String), schema: { type: expect.any(String) } })
      }
      const statuses = Object.keys(operation.responses)
      expect(
        statuses.filter((status) => status.startsWith('2')),
        where,
      ).toHaveLength(1)
      for (const status of statuses) {
        expect(resolved(operation.responses[status]).description, `${where} ${status}`).toEqual(expect.any(String))
      }
    }
  })

  test('names each operation once', () => {
    const ids = operations.map(({ operation }) => operation.operationId)
    expect(ids.every((id) => /^[a-z][A-Za-z]+$/.test(id))).toBe(true)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('refers only to what is there, and has nothing that is not referred to', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference!)
    for (const reference of references) expect(at(reference), reference).toBeTypeOf('object')
    for (const kind of ['schemas', 'responses']) {
      for (const name of Object.keys(document.components[kind])) {
        expect(references).toContain(`#/components/${kind}/${name}`)
      }
    }
  })

  test('has every route of /v1, and no other', () => {
    const served = routes
      .filter(({ path, method }) => path.startsWith('/v1/') && method !== 'OPTIONS')
      .map(({ path, method }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`)
    const documented = operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`)
    expect(documented.sort()).toEqual(served.sort())
    expect(documented.length).toBeGreaterThan(20)
  })

  test('is told in the docs too', () => {
    const docs = readFileSync(new URL('../../docs/http-api.md', import.meta.url), 'utf8')
    const told = [...docs.matchAll(/^\| `([A-Z]+)` \| `([^`]+)` \|/gm)].map(([, method, path]) => `${method} ${path}`)
    expect(told.sort()).toEqual(operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`).sort())
  })

  test('has examples that are as its schemas say', () => {
    let count = 0
    for (const { path, method, operation } of operations) {
      const contents = [operation.requestBody?.content, operation.responses[200]?.content].filter(Boolean)
      for (const { 'application/json': content } of contents) {
        expect(content.example, `${method} ${path}`).toBeDefined()
        expect(problemsOf(content.schema, content.example), `${method} ${path}`).toEqual([])
        count += 1
      }
    }
    expect(count).toBeGreaterThan(30)
  })

  test('is what the gateway keeps to: its examples are taken, and what it answers is as it says', async () => {
    await api.bus.policies.apply({ 'order.*': { history: { maxCount: 100 } } })
    const seen = new Set<string>()
    const ask = async (method: string, path: string, by: 'server' | 'user', params: Any = {}, query = '') => {
      const { operation } = operations.find((each) => each.path === path && each.method === method)!
      const real = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params[name]))
      const body = params.body ?? operation.requestBody?.content['application/json'].example
      const answer =
        by === 'server'
          ? await api.server(method.toUpperCase(), real, body)
          : await api.user('u-1', method.toUpperCase(), `${real}${query}`, body)
      expect([200, 204], `${method} ${path} ${JSON.stringify(answer.body)}`).toContain(answer.status)
      const { content } = operation.responses[answer.status]
      if (content === undefined) expect(answer.body).toBeUndefined()
      else expect(problemsOf(content['application/json'].schema, answer.body), `${method} ${path}`).toEqual([])
      seen.add(operation.operationId)
      return answer.body
    }
    const later = { body: { until: new Date(Date.now() + 3_600_000).toISOString() } }
    await ask('post', '/v1/events/{type}', 'server', { type: 'order.created' })
    await ask('put', '/v1/inbox/topics/{topic}', 'user', { topic: 'orders' })
    await ask('put', '/v1/inbox/preferences', 'user')
    await ask('get', '/v1/inbox/preferences', 'user')
    const { state } = await ask('get', '/v1/inbox/counts', 'user')
    const { id } = await ask('post', '/v1/users/{userId}/notifications', 'server', { userId: 'u-1' })
    await ask('post', '/v1/topics/{topic}/notifications', 'server', { topic: 'orders' })
    const { id: broadcast } = await ask('post', '/v1/broadcasts', 'server')
    await ask('patch', '/v1/broadcasts/{id}', 'server', { id: broadcast })
    const actions = [{ label: 'Approve' }]
    const withAction = { type: 'success', title: 'x', message: '', actions }
    const asked = await ask('post', '/v1/users/{userId}/notifications', 'server', { userId: 'u-1', body: withAction })
    await ask('post', '/v1/inbox/{id}/act', 'user', { id: asked.id })
    await ask('patch', '/v1/users/{userId}/notifications/{id}', 'server', { userId: 'u-1', id })
    const { notifications } = await ask('get', '/v1/inbox', 'user', {}, '?limit=1')
    expect(notifications).toHaveLength(1)
    await ask('post', '/v1/inbox/{id}/snooze', 'user', { id, ...later })
    for (const what of ['read', 'unread', 'archive', 'delete']) {
      await ask('post', `/v1/inbox/${what}`, 'user', { body: { ids: [broadcast, id, 'nothing'] } })
    }
    for (const what of ['read-all', 'seen']) await ask('post', `/v1/inbox/${what}`, 'user', { body: { upTo: state } })
    const changed = await ask('get', '/v1/inbox/sync', 'user', {}, `?state=${encodeURIComponent(state)}`)
    expect(changed.reset).toBe(false)
    const reset = await ask('get', '/v1/inbox/sync', 'user', {}, `?state=${encodeURIComponent('1-1@other.0.0-0@.0')}`)
    expect(reset.reset).toBe(true)
    await ask('delete', '/v1/inbox/topics/{topic}', 'user', { topic: 'orders' })
    await ask('delete', '/v1/broadcasts/{id}', 'server', { id: broadcast })
    const again = await ask('post', '/v1/users/{userId}/notifications', 'server', {
      userId: 'u-1',
      body: { type: 'info', title: 'x', message: '' },
    })
    // Its type was muted above.
    expect(again).toEqual({ outcome: 'muted', receivers: 0 })
    await api.notifications.mute('u-1', {})
    const last = await api.notifications.sendToUser('u-1', { type: 'info', title: 'x', message: '' })
    await ask('delete', '/v1/users/{userId}/notifications/{id}', 'server', { userId: 'u-1', id: last.id })
    expect([...seen].sort()).toEqual(operations.map(({ operation }) => operation.operationId).sort())
    const { body } = await api.ask('GET', '/v1/inbox')
    expect(problemsOf({ $ref: '#/components/schemas/Problem' }, body)).toEqual([])
  })
})
