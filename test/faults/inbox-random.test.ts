import { test } from 'vitest'
import { memoryInboxArena, redisInboxArena } from '../support/inbox-arena.ts'
import { Chance } from '../support/inbox-chance.ts'
import { InboxPlay } from '../support/inbox-play.ts'

const SEED = Number(process.env.TIDINGS_SEED ?? Math.floor(Math.random() * 2 ** 31))

test.each([
  ['in memory', memoryInboxArena, 60, 150],
  ['on Redis', redisInboxArena, 12, 120],
])(
  `anything at random %s (seed ${SEED}): counts, lists, deltas and frames are what a plain model says`,
  { timeout: 180_000 },
  async (_where, open, rounds, steps) => {
    const chance = new Chance(SEED)
    for (let round = 0; round < rounds; round += 1) {
      const arena = await open()
      try {
        await new InboxPlay(arena, chance).run(steps)
      } finally {
        await arena.close()
      }
    }
  },
)
