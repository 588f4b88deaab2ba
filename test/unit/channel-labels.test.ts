import { describe, expect, it } from 'vitest'
import { ChannelLabels } from '../../src/monitor/channel-labels.ts'

const thrownBy = (act: () => unknown) => {
  try {
    act()
  } catch (error) {
    return error
  }
}

describe('the label of a channel', () => {
  it('is its own name where no rule is given', () => {
    expect(new ChannelLabels().of('order.created')).toBe('order.created')
  })

  it('is the glob that matches, where globs are given, and its own name where none does', () => {
    const labels = new ChannelLabels(['user:*', 'order:*:paid'])
    expect(labels.of('user:7')).toBe('user:*')
    expect(labels.of('order:7:paid')).toBe('order:*:paid')
    expect(labels.of('order:7:sent')).toBe('order:7:sent')
  })

  it('is the first glob that matches, in the order given', () => {
    expect(new ChannelLabels(['user:admin:*', 'user:*']).of('user:admin:7')).toBe('user:admin:*')
    expect(new ChannelLabels(['user:*', 'user:admin:*']).of('user:admin:7')).toBe('user:*')
  })

  it('follows globs beyond ASCII as Redis does', () => {
    expect(new ChannelLabels(['größe:*']).of('größe:7')).toBe('größe:*')
  })

  it('is what a function returns, and the default where it returns undefined', () => {
    const labels = new ChannelLabels((channel) => (channel.startsWith('user') ? 'users' : undefined))
    expect(labels.of('user:7')).toBe('users')
    expect(labels.of('order:7')).toBe('order:7')
    expect(labels.of('tidings:reply:abc')).toBe('tidings:reply:*')
  })

  it('is "other" where a function throws or returns what is no label', () => {
    const bad: unknown[] = ['', 7, null, {}, 'x'.repeat(1025)]
    for (const returned of bad) expect(new ChannelLabels(() => returned as string).of('a')).toBe('other')
    const labels = new ChannelLabels(() => {
      throw new Error('no label today')
    })
    expect(labels.of('a')).toBe('other')
  })

  it('is one for all the reply channels that buses make for themselves, unless a rule says otherwise', () => {
    expect(new ChannelLabels().of('tidings:reply:2f1c')).toBe('tidings:reply:*')
    expect(new ChannelLabels(['user:*']).of('tidings:reply:2f1c')).toBe('tidings:reply:*')
    expect(new ChannelLabels(['tidings:*']).of('tidings:reply:2f1c')).toBe('tidings:*')
  })

  it('is "other" for a name that is longer than any of ours', () => {
    expect(new ChannelLabels().of('x'.repeat(1_000_000))).toBe('other')
  })

  it('is safe for names that objects know', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) expect(new ChannelLabels().of(name)).toBe(name)
  })
})

describe('a rule for labels', () => {
  it('names in advance the labels that globs give', () => {
    expect([...new ChannelLabels(['a:*', 'b', 'a:*']).named]).toEqual(['a:*', 'b'])
    expect([...new ChannelLabels(() => 'x').named]).toEqual([])
  })

  it('is refused where it is neither globs nor a function', () => {
    expect(thrownBy(() => new ChannelLabels('user:*' as never))).toMatchObject({ code: 'INVALID_OPTION' })
    expect(thrownBy(() => new ChannelLabels([''] as never))).toMatchObject({ code: 'INVALID_PATTERN' })
    expect(thrownBy(() => new ChannelLabels([7] as never))).toMatchObject({ code: 'INVALID_PATTERN' })
  })
})
