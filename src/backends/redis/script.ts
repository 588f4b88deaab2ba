import { createHash } from 'node:crypto'
import type { TidingsError } from '../../core/errors.ts'
import type { Link } from './link.ts'
import { errorReply } from './redis-error.ts'

/** A Lua script, called by its digest, and in full where the server does not know it (yet, or any more). */
export class Script {
  readonly text: string
  readonly digest: string

  constructor(text: string) {
    this.text = text
    this.digest = createHash('sha1').update(text).digest('hex')
  }

  /** Runs once: for scripts that may run again. */
  async run(link: Link, keys: readonly string[], args: readonly (string | Buffer)[]): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return await link.write('evalsha', [this.digest, ...rest])
    } catch (error) {
      if (!isUnknownScript(error as TidingsError)) throw error
      return link.write('eval', [this.text, ...rest])
    }
  }
}

export function isUnknownScript(error: TidingsError): boolean {
  return errorReply(error)?.startsWith('NOSCRIPT') === true
}
