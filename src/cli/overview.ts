import type { MonitorSnapshot } from '../monitor/monitor.ts'
import { printable } from './escape.ts'

/** A snapshot with its sum; the channels with the most subscribers come first. */
export interface Overview extends MonitorSnapshot {
  /** All channels' subscribers together: a connection counts once for each channel it subscribed to. */
  readonly subscribers: number
}

export function overviewOf({ takenAt, channels, patterns }: MonitorSnapshot): Overview {
  return {
    takenAt,
    subscribers: channels.reduce((sum, { subscribers }) => sum + subscribers, 0),
    patterns,
    channels: channels.toSorted((a, b) => b.subscribers - a.subscribers),
  }
}

/** The overview as a table of at most `maxRows` channels, for people. */
export function overviewText(overview: Overview, maxRows: number): string {
  const { takenAt, channels, subscribers, patterns } = overview
  const lines = [`${takenAt}  channels ${channels.length}  subscribers ${subscribers}  patterns ${patterns}`, '']
  lines.push(channels.length === 0 ? '(no channel has a subscriber)' : 'SUBSCRIBERS  CHANNEL')
  for (const one of channels.slice(0, maxRows)) {
    lines.push(`${String(one.subscribers).padStart(11)}  ${printable(one.channel)}`)
  }
  if (channels.length > maxRows) lines.push(`${' '.repeat(11)}  … ${channels.length - maxRows} more`)
  return `${lines.join('\n')}\n`
}
