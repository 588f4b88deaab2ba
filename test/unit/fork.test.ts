import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LogHead } from '../../src/core/event-log.ts'
import { type Generation, generationAt } from '../../src/core/generation.ts'
import { resume } from '../../src/log/fork.ts'
import { BEFORE_BIRTH } from '../../src/protocol/position.ts'

const at = (gen: number, seq: number, epoch = 'e') => ({ epoch, gen, seq })

function headOf(
  seq: number,
  firstSeq: number,
  ...chain: readonly (readonly [gen: number, firstSeq: number])[]
): LogHead {
  const gen = chain.at(-1)![0]
  return { epoch: 'e', gen, seq, firstSeq, chain: chain.map(([gen, firstSeq]) => ({ gen, firstSeq })) }
}

describe('resuming at a position', () => {
  const one = headOf(10, 4, [1, 1])
  const three = headOf(30, 5, [1, 1], [3, 11], [9, 21])

  test.each([
    ['no log yet, nothing read', BEFORE_BIRTH, undefined, 1],
    ['nothing read of a log that is gone', at(1, 0), undefined, 1],
    ['the middle', at(1, 5), one, 6],
    ['the head', at(1, 10), one, 11],
    ['just before the first retained', at(1, 3), one, 4],
    ['a log that was born meanwhile', BEFORE_BIRTH, headOf(2, 1, [1, 1]), 1],
    ['the end of an earlier generation', at(3, 20), three, 21],
    ['the middle of an earlier generation', at(1, 7), three, 8],
    ['the start of a generation, known by that generation', at(9, 20), three, 21],
  ])('recovers from %s', (_, from, head, fromSeq) => {
    expect(resume(from, head)).toEqual({ kind: 'recovered', fromSeq })
  })

  test.each([
    ['lost', 'the log is gone', at(1, 5), undefined, 1, BEFORE_BIRTH],
    ['lost', 'another log took its place', at(1, 5, 'old'), one, 4, at(1, 3)],
    ['trimmed', 'the next entry is trimmed', at(1, 2), one, 4, at(1, 3)],
    ['trimmed', 'the first entries of a new log are trimmed', BEFORE_BIRTH, one, 4, at(1, 3)],
    ['trimmed', 'the whole generation is trimmed', at(1, 5), headOf(30, 12, [3, 11]), 12, at(3, 11)],
    ['diverged', 'the server went back', at(1, 15), one, 11, at(1, 10)],
    ['diverged', 'the generation ended earlier', at(1, 15), three, 11, at(1, 10)],
    ['diverged', 'the generation ended earlier and is trimmed', at(1, 15), headOf(30, 12, [3, 11]), 12, at(3, 11)],
    ['diverged', 'the generation was never in this history', at(5, 25), three, 21, at(3, 20)],
    ['diverged', 'the generation is newer than all', at(12, 40), three, 31, at(9, 30)],
    ['diverged', 'the generation is newer, the number is not', at(12, 25), three, 26, at(9, 25)],
  ] as const)('is %s when %s', (reason, _, from, head, fromSeq, to) => {
    expect(resume(from, head)).toEqual({ kind: 'reset', reason, fromSeq, to })
  })

  test('goes back to the real fork where the reader knew its generations', () => {
    const known: Generation[] = [
      { gen: 1, firstSeq: 1 },
      { gen: 5, firstSeq: 8 },
    ]
    expect(resume(at(5, 25), three, known)).toMatchObject({ reason: 'diverged', fromSeq: 8 })
    expect(resume(at(5, 25), three, [{ gen: 5, firstSeq: 8 }])).toMatchObject({ reason: 'diverged', fromSeq: 8 })
  })
})

/** A server's whole history: the generation of each entry from the first, and how much of it is trimmed. */
interface Server {
  readonly gens: readonly number[]
  readonly firstSeq: number
  readonly history: number
  /** The history that the last entry was written in. */
  readonly written: number
}

function headOfServer({ gens, firstSeq }: Server): LogHead | undefined {
  if (gens.length === 0) return undefined
  const starts = gens.flatMap((gen, index) => (gen === gens[index - 1] ? [] : [[gen, index + 1] as const]))
  return headOf(
    gens.length,
    firstSeq,
    ...starts.filter((_, index) => !((starts[index + 1]?.[1] ?? Infinity) <= firstSeq)),
  )
}

/** How many entries from the first two histories have in common. */
function common(one: readonly number[], other: readonly number[]): number {
  const differs = one.findIndex((gen, index) => gen !== other[index])
  return differs < 0 ? one.length : differs
}

describe('servers that fork', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('append'), amount: fc.integer({ min: 1, max: 4 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('failover'), amount: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('trim'), amount: fc.integer({ min: 1, max: 3 }) }) },
  )

  test('a reader from any of them is told the truth by any other', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 25 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 9 })),
        (steps, random) => {
          const past: Server[] = [{ gens: [], firstSeq: 1, history: 0, written: 0 }]
          let histories = 0
          const used = new Set<number>()
          for (const { kind, amount } of steps) {
            const server = past.at(-1)!
            if (kind === 'failover') {
              histories += 1
              past.push({ ...past[amount % past.length]!, history: histories })
            } else if (kind === 'trim') {
              past.push({ ...server, firstSeq: Math.min(server.firstSeq + amount, server.gens.length + 1) })
            } else {
              let gen = server.gens.at(-1) ?? 1
              if (server.written !== server.history || server.gens.length === 0) {
                if (server.gens.length > 0) gen += 1 + random.next().value
                while (server.gens.length > 0 && used.has(gen)) gen += 1
                // A log that is born twice has two epochs: not of this test.
                if (server.gens.length === 0 && used.has(1)) continue
                used.add(gen)
              }
              const gens = [...server.gens, ...Array<number>(amount).fill(gen)]
              past.push({ ...server, gens, written: server.history })
            }
          }
          const head = headOfServer(past.at(-1)!)
          const now = past.at(-1)!.gens
          if (head === undefined) return
          for (const reader of past.filter(({ gens }) => gens.length > 0)) {
            const seq = reader.gens.length
            const from = at(reader.gens.at(-1)!, seq)
            const same = common(reader.gens, now)
            const known = headOfServer(reader)!.chain
            for (const result of [resume(from, head), resume(from, head, known)]) {
              expect(result.fromSeq).toBeGreaterThanOrEqual(head.firstSeq)
              expect(result.fromSeq).toBeLessThanOrEqual(head.seq + 1)
              if (result.kind === 'recovered') {
                expect([same, result.fromSeq]).toEqual([seq, seq + 1])
              } else {
                expect(result.to.seq).toBe(result.fromSeq - 1)
                const provable = same === seq && from.gen >= head.chain[0]!.gen
                if (provable) expect([result.reason, seq + 1 < head.firstSeq]).toEqual(['trimmed', true])
                else if (from.gen >= head.chain[0]!.gen) expect(result.reason).toBe('diverged')
              }
            }
            const exact = resume(from, head, known)
            const untrimmed = head.firstSeq === 1 && reader.firstSeq === 1
            if (untrimmed && exact.kind === 'reset') expect(exact.fromSeq).toBe(same + 1)
            expect(generationAt(head.chain, head.seq)).toBe(head.gen)
          }
        },
      ),
      { numRuns: 3_000 },
    )
  })
})
