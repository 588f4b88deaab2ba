import type { Resumed } from '../core/gap.ts'

/** A handler's place on a channel, pattern or event type. */
export interface Subscription {
  /** Whether it went on right after the position that it was to begin at; undefined where there was none. */
  readonly resumed: Resumed | undefined
  /** Gives the place up: the handler gets nothing from the call on. Idempotent. */
  unsubscribe(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export function subscription(release: () => void, resumed?: Resumed): Subscription {
  const unsubscribe = async () => release()
  return { resumed, unsubscribe, [Symbol.asyncDispose]: unsubscribe }
}
