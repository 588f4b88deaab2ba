import { z } from 'zod'

/** The part of JSON Schema (2020-12) that is used here. */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly format?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly items?: JsonSchema
  readonly maxItems?: number
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | JsonSchema
  readonly oneOf?: readonly JsonSchema[]
}

/** Where a value is not as it should be: a JSON Pointer, and why. */
export interface Issue {
  readonly path: string
  readonly message: string
}

export type Check = (value: unknown) => readonly Issue[]

/** What checks values by a schema. It changes none. */
export function compile(schema: JsonSchema): Check {
  // A default is what happens where nothing is said; nothing is put in.
  const checker = z.fromJSONSchema(withoutDefaults(schema) as Parameters<typeof z.fromJSONSchema>[0])
  return (value) => {
    const { error } = checker.safeParse(value)
    return (error?.issues ?? []).map(({ path, message }) => ({ path: pointer(path), message }))
  }
}

/** An object with these members, those of `optional` or none; no others. */
export function object(
  properties: Readonly<Record<string, JsonSchema>>,
  optional: readonly string[] = [],
  description?: string,
): JsonSchema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return {
    type: 'object',
    ...(description !== undefined && { description }),
    properties,
    ...(required.length > 0 && { required }),
    additionalProperties: false,
  }
}

function pointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults)
  if (typeof value !== 'object' || value === null) return value
  const { default: _default, properties, ...rest } = value as JsonSchema
  const entries = Object.entries(rest).map(([name, part]) => [name, withoutDefaults(part)])
  // A property may have any name, `default` too.
  const named =
    properties && Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, withoutDefaults(part)]))
  return { ...Object.fromEntries(entries), ...(named && { properties: named }) }
}
