import type { StandardSchemaV1 } from '@standard-schema/spec'
import { assertEventType } from '../core/channel-name.ts'
import { TidingsError } from '../core/errors.ts'
import { isSchema } from './schema.ts'

/** An event type together with what its data must look like. Every bus takes it where it takes an event type. */
export interface EventDefinition<Type extends string = string, Input = unknown, Output = Input> {
  readonly type: Type
  readonly schema: StandardSchemaV1<Input, Output> | undefined
}

export interface EventDefinitionOptions<Schema extends StandardSchemaV1> {
  /**
   * A schema of any library that follows Standard Schema (zod, valibot, arktype …). It is run when an event is
   * emitted, and again on the parsed JSON wherever the event is received: what it takes must survive JSON.
   */
  readonly schema: Schema
}

/**
 * Names an event type once, for all who emit it and all who handle it.
 * Without a schema its data is `unknown`, or what the second type argument says, unchecked.
 * @throws TidingsError `INVALID_EVENT_TYPE`, `INVALID_OPTION`, `UNKNOWN_OPTION`
 */
export function defineEvent<const Type extends string, Data = unknown>(type: Type): EventDefinition<Type, Data>
export function defineEvent<const Type extends string, Schema extends StandardSchemaV1>(
  type: Type,
  options: EventDefinitionOptions<Schema>,
): EventDefinition<Type, StandardSchemaV1.InferInput<Schema>, StandardSchemaV1.InferOutput<Schema>>
export function defineEvent(
  type: string,
  options: Partial<EventDefinitionOptions<StandardSchemaV1>> = {},
): EventDefinition {
  assertEventType(type)
  const unknown = Object.keys(options).find((name) => name !== 'schema')
  if (unknown !== undefined) {
    throw new TidingsError('UNKNOWN_OPTION', `defineEvent knows no option "${unknown}".`, { hint: 'It takes: schema.' })
  }
  const { schema } = options
  if (schema !== undefined && !isSchema(schema)) {
    throw new TidingsError('INVALID_OPTION', `The schema of "${type}" is not a Standard Schema.`, {
      context: { type },
      hint: 'Use zod ≥ 3.24, valibot ≥ 1, arktype ≥ 2 or another library that implements Standard Schema.',
    })
  }
  return Object.freeze({ type, schema })
}

/** Whether a value is what {@link defineEvent} gives, or a plain object of that shape. */
export function isEventDefinition(value: unknown): value is EventDefinition {
  if (typeof value !== 'object' || value === null || isSchema(value)) return false
  const { type, schema } = value as Partial<EventDefinition>
  return typeof type === 'string' && (schema === undefined || isSchema(schema))
}
