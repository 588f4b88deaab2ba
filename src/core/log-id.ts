/**
 * Which log: a channel's own, or one that several channels share by their policy's `log`. The two kinds have
 * separate names, so a shared log may be called as some channel is.
 */
export interface LogId {
  readonly kind: 'channel' | 'shared'
  readonly name: string
}

/** One text for one log, for keys of maps and of Redis: `log:<channel>` or `shared:<name>`. */
export function logText({ kind, name }: LogId): string {
  return `${kind === 'channel' ? 'log' : 'shared'}:${name}`
}

/** Reads what {@link logText} wrote. */
export function parseLogText(text: string): LogId {
  return text.startsWith('shared:') ? { kind: 'shared', name: text.slice(7) } : { kind: 'channel', name: text.slice(4) }
}
