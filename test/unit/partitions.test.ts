import { expect, test } from 'vitest'
import { logKeys, partitionKeys } from '../../src/core/keys.ts'
import { crc16, partitionOf, partitionTag, slotOf } from '../../src/core/partitions.ts'

test("crc16 gives the check value of Redis Cluster's specification", () => {
  expect(crc16('123456789')).toBe(0x31c3)
})

test('a slot is that of what the first braces hold, where they hold something', () => {
  expect(slotOf('{user1000}.following')).toBe(slotOf('{user1000}.followers'))
  expect(slotOf('foo{}{bar}')).toBe(crc16('foo{}{bar}') % 16_384)
  expect(slotOf('foo{{bar}}zap')).toBe(crc16('{bar') % 16_384)
  expect(slotOf('foo{bar}{zap}')).toBe(slotOf('bar'))
})

test.each([1, 3, 128, 1_024])('the tags of %i partitions lie each in its own part of the slots', (partitions) => {
  const tags = Array.from({ length: partitions }, (_, partition) => partitionTag(partition, partitions))
  expect(new Set(tags).size).toBe(partitions)
  for (const [partition, tag] of tags.entries()) {
    expect(Math.floor((slotOf(`x{${tag}}`) * partitions) / 16_384)).toBe(partition)
  }
})

test('names spread evenly over the partitions', () => {
  const counts = new Array<number>(128).fill(0)
  for (let i = 0; i < 128_000; i += 1) {
    const partition = partitionOf(`log:user:${i}`, 128)
    counts[partition] = counts[partition]! + 1
  }
  expect(Math.min(...counts)).toBeGreaterThan(800)
  expect(Math.max(...counts)).toBeLessThan(1_200)
})

test.each(['orders', '{}', '{other}', 'a}b{c', '\n\0', 'ключ'])(
  'every key of the log %j is in the slot of its partition',
  (name) => {
    const { stream, head } = logKeys('tidings', { kind: 'channel', name }, 128)
    const { changes, marks, markExpiry, partition } = partitionKeys('tidings', partitionOf(`log:${name}`, 128), 128)
    expect(new Set([stream, head, changes, marks, markExpiry, partition].map(slotOf)).size).toBe(1)
  },
)
