import { describe, expect, test } from 'vitest'
import { ListenerTable, type Place } from '../../src/core/listener-table.ts'
import type { Message } from '../../src/core/message.ts'

const payload = Buffer.from('x')

describe('listener table', () => {
  test('tells the first and the last place of each name', () => {
    const table = new ListenerTable()
    const one = table.add('channel', 'a', () => {})
    const two = table.add('channel', 'a', () => {})
    const other = table.add('pattern', 'a', () => {})
    expect([one.first, two.first, other.first]).toEqual([true, false, true])
    expect(table.names('channel')).toEqual(['a'])
    expect([table.remove(one), table.remove(one), table.has('channel', 'a')]).toEqual([false, false, true])
    expect([table.remove(two), table.remove(two), table.has('channel', 'a')]).toEqual([true, false, false])
    expect([table.has('pattern', 'a'), table.remove(other), table.names('pattern')]).toEqual([true, true, []])
  })

  test('hands one message to every listener, in order, under the name as it was subscribed', () => {
    const table = new ListenerTable()
    const got: Message[] = []
    table.add('channel', 'é', (message) => got.push(message))
    table.add('channel', 'é', (message) => got.push(message))
    table.dispatchChannel('Ã©', payload)
    expect(got).toHaveLength(2)
    expect(got[0]).toBe(got[1])
    expect([got[0]?.channel, got[0]?.text]).toEqual(['é', 'x'])
  })

  test('hands a message that came by a pattern to that pattern alone, under its channel', () => {
    const table = new ListenerTable()
    const got: string[] = []
    table.add('pattern', 'é*', (message) => got.push(`é* ${message.channel}`))
    table.add('pattern', '*', (message) => got.push(`* ${message.channel}`))
    table.add('channel', 'é1', () => got.push('channel'))
    table.dispatchPattern('Ã©*', 'Ã©1', payload)
    expect(got).toEqual(['é* é1'])
  })

  test('patterns that match one message share it, and a place added meanwhile gets the next', () => {
    const table = new ListenerTable()
    const got: Message[] = []
    let late = 0
    const first = table.add('pattern', 'a*', (message) => {
      got.push(message)
      table.add('pattern', '*', () => {
        late += 1
      })
    })
    const second = table.add('pattern', '*', (message) => got.push(message))
    table.dispatchRows([first.row, second.row], 'a1', payload)
    expect(got).toHaveLength(2)
    expect(got[0]).toBe(got[1])
    expect([got[0]?.channel, late]).toEqual(['a1', 0])
    table.dispatchRows([second.row], 'a2', payload)
    expect(late).toBe(1)
  })

  test('a function with two places is called twice', () => {
    const table = new ListenerTable()
    let calls = 0
    const listener = () => {
      calls += 1
    }
    const place = table.add('channel', 'a', listener)
    table.add('channel', 'a', listener)
    table.dispatchChannel('a', payload)
    expect(table.remove(place)).toBe(false)
    table.dispatchChannel('a', payload)
    expect(calls).toBe(3)
  })

  test('a place added by a listener gets the next message, not the one in hand', () => {
    const table = new ListenerTable()
    let late = 0
    table.add('channel', 'a', () => {
      table.add('channel', 'a', () => {
        late += 1
      })
    })
    table.dispatchChannel('a', payload)
    expect(late).toBe(0)
    table.dispatchChannel('a', payload)
    expect(late).toBe(1)
  })

  test('a place removed by a listener gets nothing more, the message in hand included', () => {
    const table = new ListenerTable()
    const got: string[] = []
    let second: Place | undefined
    const first = table.add('channel', 'a', () => {
      got.push('first')
      table.remove(first)
      if (second) table.remove(second)
      table.add('channel', 'a', () => got.push('third'))
    })
    second = table.add('channel', 'a', () => got.push('second'))
    table.dispatchChannel('a', payload)
    expect(got).toEqual(['first'])
    table.dispatchChannel('a', payload)
    expect(got).toEqual(['first', 'third'])
  })

  test('a name goes from one place to two and back', () => {
    const table = new ListenerTable()
    const got: string[] = []
    const one = table.add('channel', 'a', () => got.push('one'))
    const two = table.add('channel', 'a', () => got.push('two'))
    table.dispatchChannel('a', payload)
    table.remove(one)
    table.dispatchChannel('a', payload)
    table.remove(two)
    table.dispatchChannel('a', payload)
    table.add('channel', 'a', () => got.push('three'))
    table.dispatchChannel('a', payload)
    expect(got).toEqual(['one', 'two', 'two', 'three'])
  })

  test('a listener takes the only place of another name away from under a message, and adds one to it', () => {
    const table = new ListenerTable()
    const got: string[] = []
    const first = table.add('pattern', 'a*', () => {
      got.push('first')
      table.remove(second)
      table.add('pattern', '*', () => got.push('late'))
    })
    const second = table.add('pattern', '*', () => got.push('second'))
    table.dispatchRows([first.row, second.row], 'a1', payload)
    expect(got).toEqual(['first'])
  })

  test('clearing takes the only place of another name from under a message', () => {
    const table = new ListenerTable()
    const got: string[] = []
    const first = table.add('pattern', 'a*', () => {
      got.push('first')
      table.clear()
    })
    const second = table.add('pattern', '*', () => got.push('second'))
    table.dispatchRows([first.row, second.row], 'a1', payload)
    expect(got).toEqual(['first'])
  })

  test('clearing ends a message that is being handed round', () => {
    const table = new ListenerTable()
    const got: string[] = []
    table.add('channel', 'a', () => {
      got.push('first')
      table.clear()
    })
    const second = table.add('channel', 'a', () => got.push('second'))
    table.dispatchChannel('a', payload)
    expect(got).toEqual(['first'])
    expect([table.has('channel', 'a'), table.remove(second)]).toEqual([false, false])
  })

  test.each(['constructor', 'toString', '__proto__'])('knows no listener of %s by itself', (name) => {
    const table = new ListenerTable()
    table.dispatchChannel(name, payload)
    expect([table.has('channel', name), table.add('channel', name, () => {}).first]).toEqual([false, true])
  })
})
