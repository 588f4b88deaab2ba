import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Event } from './event.ts'
import type { EventDefinition } from './event-definition.ts'

/** The events of a bus that was told nothing: any string is an event type, and its data is `unknown`. */
export type UntypedEvents = Record<string, unknown>

/** What the values of the `events` option are. */
export type EventSchema = StandardSchemaV1 | EventDefinition

/** The strings that name an event type on a bus of these events. */
export type EventTypeOf<Events> = keyof Events & string

/** What names an event type: a string that the bus knows, or any definition. */
export type EventSource<Events> = EventTypeOf<Events> | EventDefinition

/** What one value of a map says that `emit` takes: its schema's input, or else the value's own type. */
type InputOfValue<Value> = Value extends StandardSchemaV1
  ? StandardSchemaV1.InferInput<Value>
  : Value extends EventDefinition<string, infer Input, unknown>
    ? Input
    : Value

type OutputOfValue<Value> = Value extends StandardSchemaV1
  ? StandardSchemaV1.InferOutput<Value>
  : Value extends EventDefinition<string, unknown, infer Output>
    ? Output
    : Value

/** The data that `emit` takes. */
export type InputOf<Events, Source> =
  Source extends EventDefinition<string, infer Input, unknown>
    ? Input
    : Source extends keyof Events
      ? InputOfValue<Events[Source]>
      : never

/** The data that a handler gets. */
export type OutputOf<Events, Source> =
  Source extends EventDefinition<string, unknown, infer Output>
    ? Output
    : Source extends keyof Events
      ? OutputOfValue<Events[Source]>
      : never

/** The data as the last argument, which may be left out where `undefined` will do. */
export type DataArgument<Data> = undefined extends Data ? [data?: Data] : [data: Data]

/** The event that a handler gets; on an untyped bus its type is `string`, for nobody checked what it is. */
export type EventOf<Events, Source> =
  Source extends EventDefinition<infer Type, unknown, infer Output>
    ? Event<Type, Output>
    : Source extends EventTypeOf<Events>
      ? Event<string extends keyof Events ? string : Source, OutputOf<Events, Source>>
      : never

/** Whether `Text` is one string, and not `string` or a template with holes: only then is it a property's name. */
type IsLiteral<Text extends string> = Record<never, 1> extends Record<Text, 1> ? false : true

type StarsToTemplate<Pattern extends string> = Pattern extends `${infer Head}*${infer Tail}`
  ? `${Head}${string}${StarsToTemplate<Tail>}`
  : Pattern

type HasMoreThanStars<Pattern extends string> = Pattern extends `${string}${'?' | '[' | '\\'}${string}` ? true : false

type MatchesTemplate<Type extends string, Template extends string> =
  IsLiteral<Type> extends true ? (Type extends Template ? Type : never) : Type

type EachMatching<Type extends string, Template extends string> = Type extends string
  ? MatchesTemplate<Type, Template>
  : never

/**
 * The event types of a bus that a pattern can match. Exact for text and `*`; a pattern with `?`, `[` or `\`, or
 * one that is not known while compiling, stands for all of them.
 */
export type MatchingTypes<Events, Pattern extends string> = Pattern extends string
  ? IsLiteral<Pattern> extends true
    ? HasMoreThanStars<Pattern> extends true
      ? EventTypeOf<Events>
      : EachMatching<EventTypeOf<Events>, StarsToTemplate<Pattern>>
    : EventTypeOf<Events>
  : never

/** The events that a pattern can bring, as a union that is told apart by `type`. */
export type MatchingEvents<Events, Pattern extends string> = EventOf<Events, MatchingTypes<Events, Pattern>>

/** `never` for a pattern that none of the bus's event types can match, so that a slip does not compile. */
export type UsefulPattern<Events, Pattern extends string> = [MatchingTypes<Events, Pattern>] extends [never]
  ? never
  : Pattern

/** Keeps values that are no schemas out of the `events` option. */
export type SchemasOnly<Events> = {
  readonly [Type in keyof Events]: Events[Type] extends EventSchema ? unknown : never
}

/** The last arguments of `request`, where data may be left out if `undefined` will do. */
export type RequestArguments<Data, Options> = undefined extends Data
  ? [data?: Data, options?: Options]
  : [data: Data, options?: Options]
