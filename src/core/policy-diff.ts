import type { Policies } from './policy.ts'

/**
 * What differs in the policies that are wanted from those there are, a sentence for each difference. Patterns that only
 * the latter have are somebody else's, and no difference.
 */
export function policyDifferences(wanted: Policies, there: Policies): string[] {
  return Object.entries(wanted).flatMap(([pattern, policy]) => {
    const other = there[pattern]
    if (other === undefined) return [`"${pattern}" has no policy in Redis.`]
    const fields = new Set([...leaves(policy).keys(), ...leaves(other).keys()])
    const [here, elsewhere] = [leaves(policy), leaves(other)]
    return [...fields]
      .filter((field) => here.get(field) !== elsewhere.get(field))
      .map(
        (field) =>
          `"${pattern}": ${field} is ${shown(here.get(field))} here and ${shown(elsewhere.get(field))} in Redis.`,
      )
  })
}

/** A policy's values by their names, such as `history.maxCount`. */
function leaves(value: object, prefix = ''): Map<string, unknown> {
  const found = new Map<string, unknown>()
  for (const [name, part] of Object.entries(value)) {
    if (typeof part !== 'object' || part === null) found.set(prefix + name, part)
    else for (const [inner, leaf] of leaves(part, `${prefix}${name}.`)) found.set(inner, leaf)
  }
  return found
}

function shown(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value)
}
