/** A handler's place on a channel, pattern or event type. */
export interface Subscription {
  /** Gives the place up: the handler gets nothing from the call on. Idempotent. */
  unsubscribe(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export function subscription(release: () => void): Subscription {
  const unsubscribe = async () => release()
  return { unsubscribe, [Symbol.asyncDispose]: unsubscribe }
}
