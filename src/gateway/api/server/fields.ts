import { CLIENT_ERRORS } from '../../../protocol/codes.ts'
import { ClientFailure } from '../../contract.ts'

/** Reads the fields of a request by name and type; whatever is left over in the end, and says something, is refused. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>
  readonly #known = new Set<string>()

  constructor(value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest('it must be an object')
    this.#values = value as Record<string, unknown>
  }

  /** Empty where it is not there. */
  text(name: string): string {
    const value = this.any(name) ?? ''
    if (typeof value !== 'string') throw badRequest(`"${name}" must be a string`)
    return value
  }

  needed(name: string): string {
    const value = this.text(name)
    if (value === '') throw badRequest(`"${name}" is missing`)
    return value
  }

  /** 0 where it is not there. */
  whole(name: string): number {
    const value = this.any(name) ?? 0
    if (!Number.isSafeInteger(value)) throw badRequest(`"${name}" must be a whole number`)
    return value as number
  }

  flag(name: string): boolean {
    const value = this.any(name) ?? false
    if (typeof value !== 'boolean') throw badRequest(`"${name}" must be true or false`)
    return value
  }

  list(name: string): readonly unknown[] {
    const value = this.any(name) ?? []
    if (!Array.isArray(value)) throw badRequest(`"${name}" must be a list`)
    return value
  }

  object(name: string): Fields | undefined {
    const value = this.any(name)
    return value === undefined || value === null ? undefined : new Fields(value)
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#values, name)
  }

  any(name: string): unknown {
    this.#known.add(name)
    return this.has(name) ? this.#values[name] : undefined
  }

  /** What would not be obeyed is not accepted either; client libraries send what is not set as empty. */
  done(): void {
    for (const [name, value] of Object.entries(this.#values)) {
      if (this.#known.has(name) || isEmpty(value)) continue
      throw badRequest(`"${name}" is not supported`)
    }
  }
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

export function badRequest(why: string): ClientFailure {
  return new ClientFailure({ code: CLIENT_ERRORS.badRequest.code, message: `bad request: ${why}` })
}
