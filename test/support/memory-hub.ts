import { randomUUID } from 'node:crypto'

/** The address of an in-process hub of one test's own. */
export function memoryHub(): string {
  return `memory:${randomUUID()}`
}
