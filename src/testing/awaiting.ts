import { setTimeout as delay } from 'node:timers/promises'

/** How long a case waits for what must happen before it fails, in milliseconds. */
const PATIENCE_MS = 10_000

/** Between two questions to a server. */
const ASK_AGAIN_MS = 5

/** Settles as the promise does, or rejects when that takes too long. */
export async function inTime<T>(promise: Promise<T>, awaited: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${PATIENCE_MS} ms in vain for ${awaited}.`)), PATIENCE_MS)
  })
  try {
    return await Promise.race([promise, tooLate])
  } finally {
    clearTimeout(timer)
  }
}

/** Asks again until the answer is as expected: for what a server does soon and tells nobody. */
export async function until<T>(ask: () => Promise<T>, expected: T, awaited: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const answer = await ask()
    if (answer === expected) return
    if (performance.now() > deadline) {
      throw new Error(`Waited ${PATIENCE_MS} ms in vain for ${awaited} to be ${expected}; it is ${answer}.`)
    }
    await delay(ASK_AGAIN_MS)
  }
}

/** Lets everything else have its turn once. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
