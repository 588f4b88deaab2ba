import type { StandardSchemaV1 } from '@standard-schema/spec'
import { TidingsError } from '../core/errors.ts'

/** One reason why data does not fit: what the schema's library says, and where. */
export interface Issue {
  readonly message: string
  readonly path: readonly (string | number)[]
}

/** What became of data in its schema: the schema's output, or an `INVALID_EVENT` error. */
export type Checked = { readonly value: unknown; readonly error?: undefined } | { readonly error: TidingsError }

interface Place {
  readonly type: string
  readonly channel: string
}

/** Whether a value follows Standard Schema v1; some libraries' schemas are functions. */
export function isSchema(value: unknown): value is StandardSchemaV1 {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const standard = (value as Partial<StandardSchemaV1>)['~standard']
  return standard?.version === 1 && typeof standard.validate === 'function'
}

function toIssue({ message, path = [] }: StandardSchemaV1.Issue): Issue {
  // Some libraries give a path of their own class, whose `map` gives that class again.
  const keys = Array.from(path, (part) => (typeof part === 'object' ? part.key : part))
  return { message, path: keys.map((key) => (typeof key === 'symbol' ? String(key) : key)) }
}

function misfit({ type, channel }: Place, given: readonly StandardSchemaV1.Issue[]): TidingsError {
  // Libraries add the rejected input to their issues; an error must not carry it along.
  const issues = given.map(toIssue)
  const places = [...new Set(issues.map(({ path }) => path.join('.')).filter((path) => path !== ''))]
  const where = places.length === 0 ? '' : ` at ${places.slice(0, 5).join(', ')}${places.length > 5 ? ' …' : ''}`
  return new TidingsError('INVALID_EVENT', `The data of "${type}" does not fit its schema${where}.`, {
    context: { channel, type, issues },
    hint: 'The issues in the context say why.',
  })
}

function broken({ type, channel }: Place, cause: unknown): TidingsError {
  return new TidingsError('INVALID_EVENT', `The schema of "${type}" failed while it looked at the data.`, {
    cause,
    context: { channel, type, issues: [] },
  })
}

function toChecked(place: Place, result: StandardSchemaV1.Result<unknown>): Checked {
  return result.issues ? { error: misfit(place, result.issues) } : { value: result.value }
}

/**
 * Runs a schema over the data of one event. Gives the outcome at once where the schema is synchronous, else a
 * promise of it; neither throws nor rejects, whatever the schema does.
 */
export function check(schema: StandardSchemaV1, place: Place, data: unknown): Checked | Promise<Checked> {
  try {
    const result = schema['~standard'].validate(data)
    if (!('then' in result)) return toChecked(place, result)
    return Promise.resolve(result)
      .then((settled) => toChecked(place, settled))
      .catch((cause: unknown) => ({ error: broken(place, cause) }))
  } catch (cause) {
    return { error: broken(place, cause) }
  }
}

/**
 * {@link check} for data from the wire, where `undefined` had to travel as `null`: `null` that does not fit is
 * looked at again as `undefined`, so that schemas of optional data take back what they let out.
 */
export function checkReceived(schema: StandardSchemaV1, place: Place, data: unknown): Checked | Promise<Checked> {
  const first = check(schema, place, data)
  if (data !== null) return first
  const again = (checked: Checked): Checked | Promise<Checked> => {
    if (checked.error === undefined) return checked
    const second = check(schema, place, undefined)
    const better = (other: Checked): Checked => (other.error === undefined ? other : checked)
    return second instanceof Promise ? second.then(better) : better(second)
  }
  return first instanceof Promise ? first.then(again) : again(first)
}
