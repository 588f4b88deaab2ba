import { describe, expect, it } from 'vitest'
import { ChannelLabels } from '../../src/monitor/channel-labels.ts'
import type { MonitorSnapshot } from '../../src/monitor/monitor.ts'
import { SubscriberTotals } from '../../src/monitor/subscriber-totals.ts'

const snapshot = (subscribers: Record<string, number>): MonitorSnapshot => ({
  takenAt: '2025-01-01T00:00:00.000Z',
  channels: Object.entries(subscribers).map(([channel, count]) => ({ channel, subscribers: count })),
  patterns: 0,
})
const nothing = () => false

describe('totals of subscribers', () => {
  it('adds up the channels of one label', () => {
    const totals = new SubscriberTotals(new ChannelLabels(['user:*']), 10, nothing)
    expect(totals.of(snapshot({ 'user:1': 2, 'user:2': 3, a: 1 }))).toEqual(
      new Map([
        ['user:*', 5],
        ['a', 1],
      ]),
    )
  })

  it('forgets a channel without subscribers, but shows 0 for a glob', () => {
    const totals = new SubscriberTotals(new ChannelLabels(['user:*']), 10, nothing)
    totals.of(snapshot({ 'user:1': 2, a: 1 }))
    expect(totals.of(snapshot({ b: 1 }))).toEqual(
      new Map([
        ['user:*', 0],
        ['b', 1],
      ]),
    )
  })

  it('puts into "other" what the limit leaves, and loses nobody', () => {
    const totals = new SubscriberTotals(new ChannelLabels(['user:*']), 2, nothing)
    expect(totals.of(snapshot({ a: 1, b: 2, c: 3, d: 4, 'user:1': 5 }))).toEqual(
      new Map([
        ['user:*', 5],
        ['a', 1],
        ['b', 2],
        ['other', 7],
      ]),
    )
  })

  it('keeps showing a channel while it lives, whatever else comes before it', () => {
    const totals = new SubscriberTotals(new ChannelLabels(), 2, nothing)
    totals.of(snapshot({ m: 1, n: 1 }))
    expect([...totals.of(snapshot({ a: 1, b: 1, m: 1, n: 1 })).keys()].sort()).toEqual(['m', 'n', 'other'])
    expect([...totals.of(snapshot({ a: 1, b: 1, n: 1 })).keys()].sort()).toEqual(['a', 'n', 'other'])
  })

  it('shows the preferred channels first', () => {
    const totals = new SubscriberTotals(new ChannelLabels(), 2, (label) => label === 'z')
    totals.of(snapshot({ a: 1, b: 1 }))
    expect([...totals.of(snapshot({ a: 1, b: 1, z: 1 })).keys()].sort()).toEqual(['a', 'other', 'z'])
  })

  it('counts a channel that is really named "other" as such, outside the limit', () => {
    const totals = new SubscriberTotals(new ChannelLabels(), 1, nothing)
    expect(totals.of(snapshot({ a: 1, other: 2, z: 3 }))).toEqual(
      new Map([
        ['a', 1],
        ['other', 5],
      ]),
    )
  })

  it('shows everything under globs and "other" where no names are wanted', () => {
    const totals = new SubscriberTotals(new ChannelLabels(['user:*']), 0, nothing)
    expect(totals.of(snapshot({ 'user:1': 1, a: 2, b: 3 }))).toEqual(
      new Map([
        ['user:*', 1],
        ['other', 5],
      ]),
    )
  })
})
