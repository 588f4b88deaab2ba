import { randomUUID } from 'node:crypto'
import type { PubSub } from '../core/pub-sub.ts'
import type { ConformanceCase } from './conformance-case.ts'

/** What a backend brings to the suite: clients of one server or hub that nobody else uses meanwhile. */
export interface PubSubHarness {
  /** A new client. The case that asked for it closes it. */
  create(): Promise<PubSub>
}

interface CaseTools {
  /** A new client, closed when the case has ended. */
  client(): Promise<PubSub>
  /** A name that no other case uses, ending with the given text. */
  name(ending: string): string
}

export type PubSubCase = ConformanceCase<PubSubHarness>

export function pubSubCase(name: string, test: (tools: CaseTools) => Promise<void>): PubSubCase {
  return {
    name,
    async run(harness) {
      const opened: PubSub[] = []
      const mark = randomUUID()
      const client = async () => {
        const created = await harness.create()
        opened.push(created)
        return created
      }
      try {
        await test({ client, name: (ending) => `${mark}:${ending}` })
      } finally {
        await Promise.all(opened.map((each) => each.close()))
      }
    },
  }
}
