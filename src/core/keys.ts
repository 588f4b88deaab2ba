/**
 * Every internal name that Tidings uses in Redis beside the user's own channels. All of them start with the
 * namespace (default `tidings`), so that deployments that share a Redis do not meet.
 */
export const DEFAULT_NAMESPACE = 'tidings'

/** Where responders listen for requests that concern one channel of the bus. */
export function requestChannel(namespace: string, channel: string): string {
  return `${namespace}:request:${channel}`
}

/** What every reply channel starts with; a responder answers nowhere else. */
export function replyPrefix(namespace: string): string {
  return `${namespace}:reply:`
}

/** Where one bus waits for the replies to its requests. */
export function replyChannel(namespace: string, busId: string): string {
  return `${replyPrefix(namespace)}${busId}`
}
