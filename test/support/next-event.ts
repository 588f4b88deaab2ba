import type { EventEmitter } from 'node:events'

/** The arguments of the next `name` event; unlike events.once, an `error` event beside it is none of its business. */
export function nextEvent<Args extends unknown[]>(emitter: EventEmitter, name: string): Promise<Args> {
  return new Promise((resolve) => emitter.once(name, (...args) => resolve(args as Args)))
}
