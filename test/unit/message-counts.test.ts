import { afterEach, describe, expect, it } from 'vitest'
import { publishChannel, receiveChannel } from '../../src/core/diagnostics.ts'
import { ChannelLabels } from '../../src/monitor/channel-labels.ts'
import { MessageCounts } from '../../src/monitor/message-counts.ts'

const started: MessageCounts[] = []

function counting(labels: ChannelLabels, maxChannels: number): MessageCounts {
  const counts = new MessageCounts(labels, maxChannels)
  counts.start()
  started.push(counts)
  return counts
}

afterEach(() => {
  for (const counts of started.splice(0)) counts.stop()
})

const published = (channel: string, error?: Error) =>
  publishChannel.asyncEnd.publish(
    error === undefined ? { channel, bytes: 2, receivers: 1 } : { channel, bytes: 2, error },
  )
const received = (channel: string) => receiveChannel.start.publish({ channel, bytes: 2, handlers: 3 })

describe('counting messages', () => {
  it('counts what was published and received, each by channel', () => {
    const counts = counting(new ChannelLabels(), 10)
    for (let i = 0; i < 3; i += 1) published('a')
    received('a')
    received('b')
    expect(new Map(counts)).toEqual(
      new Map([
        ['a', { published: 3, received: 1 }],
        ['b', { published: 0, received: 1 }],
      ]),
    )
  })

  it('does not count a publish that failed', () => {
    const counts = counting(new ChannelLabels(), 10)
    published('a', new Error('refused'))
    expect([...counts]).toEqual([])
  })

  it('begins globs at 0, so that their first message is seen as an increase', () => {
    const counts = counting(new ChannelLabels(['user:*']), 10)
    expect([...counts]).toEqual([['user:*', { published: 0, received: 0 }]])
  })

  it('counts as "other" what comes after the limit, and keeps counting what came before', () => {
    const counts = counting(new ChannelLabels(), 2)
    for (const channel of ['a', 'b', 'c', 'd', 'a']) published(channel)
    const totals = [...counts].map(([label, count]) => [label, count.published])
    expect(totals).toEqual([
      ['a', 2],
      ['b', 1],
      ['other', 2],
    ])
  })

  it('never lets globs fall under the limit, however late their first message comes', () => {
    const counts = counting(new ChannelLabels(['user:*']), 1)
    for (const channel of ['a', 'b', 'user:1', 'user:2']) published(channel)
    const totals = [...counts].map(([label, count]) => [label, count.published])
    expect(totals).toEqual([
      ['user:*', 2],
      ['a', 1],
      ['other', 1],
    ])
  })

  it('loses no message among more channels than it remembers', () => {
    const counts = counting(new ChannelLabels(['user:*']), 100)
    for (let round = 0; round < 2; round += 1) {
      for (let i = 0; i < 20_000; i += 1) published(i % 2 === 0 ? `user:${i}` : `room:${i}`)
    }
    let total = 0
    for (const [, count] of counts) total += count.published
    expect(total).toBe(40_000)
    expect([...counts]).toHaveLength(102)
    expect(new Map(counts).get('user:*')?.published).toBe(20_000)
  })

  it('stops when told, and lets others count on', () => {
    const one = counting(new ChannelLabels(), 10)
    const two = counting(new ChannelLabels(), 10)
    published('a')
    one.stop()
    published('a')
    expect(new Map(one).get('a')?.published).toBe(1)
    expect(new Map(two).get('a')?.published).toBe(2)
  })
})
