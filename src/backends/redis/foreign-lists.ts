import type { ForeignLists } from '../../core/foreign-lists.ts'
import type { Link } from './link.ts'

/** Keys that one SCAN looks at: a moment's work for the server. */
const SCAN_KEYS = 1_000

/** {@link ForeignLists} by SCAN and LRANGE. */
export class RedisForeignLists implements ForeignLists {
  readonly #link: Link

  /** @param link whoever made it closes it */
  constructor(link: Link) {
    this.#link = link
  }

  async *keys(pattern: string): AsyncGenerator<readonly Buffer[]> {
    let cursor = '0'
    do {
      const args = [cursor, 'MATCH', pattern, 'COUNT', String(SCAN_KEYS), 'TYPE', 'list']
      const [next, keys] = (await this.#ask('scan', args)) as [Buffer, Buffer[]]
      if (keys.length > 0) yield keys
      cursor = String(next)
    } while (cursor !== '0')
  }

  async first(key: Uint8Array, limit: number): Promise<readonly Buffer[]> {
    return (await this.#ask('lrange', [Buffer.from(key), '0', String(limit - 1)])) as Buffer[]
  }

  async #ask(command: string, args: (string | Buffer)[]): Promise<unknown> {
    await this.#link.whenWritable()
    return this.#link.write(command, args)
  }
}
