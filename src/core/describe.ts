/** What a thrown value says, for a message to people. Anything can be thrown, also what has no text: never throws. */
export function describeThrown(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown)
  } catch {
    return 'a value that cannot be shown'
  }
}
