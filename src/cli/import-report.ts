import type { BadItem, ImportResult } from '../notifications/article-import.ts'
import { complain } from './failure.ts'
import type { Output } from './output.ts'

/** More of the same kind help nobody. */
const MAX_SHOWN = 10

/** Says what an import came to: on stdout what it did, on stderr what it could not. */
export class ImportReport {
  readonly #output: Output
  readonly #dryRun: boolean
  readonly #startedAt = performance.now()
  #shown = 0

  constructor(output: Output, dryRun: boolean) {
    this.#output = output
    this.#dryRun = dryRun
  }

  /** True for the first few. */
  wantsBad(): boolean {
    this.#shown += 1
    return this.#shown <= MAX_SHOWN
  }

  bad({ key, index, reason }: BadItem): void {
    if (this.#output.format === 'json') {
      this.#output.tell('', { kind: 'bad', key, index: index ?? null, reason })
    } else complain(`${index === undefined ? key : `Item ${index} of ${key}`} cannot be imported: ${reason}`)
  }

  finished(result: ImportResult): void {
    const { users, inUse, imported, read, already, unwanted, bad } = result
    const tookMs = performance.now() - this.#startedAt
    const what = `${counted(imported, 'notification')} (${read} read) of ${counted(users, 'user')}`
    const others = [
      [already, 'had been imported already'],
      [unwanted, 'muted'],
      [bad, 'cannot be imported'],
    ] as const
    const rest = others.map(([count, text]) => (count === 0 ? '' : `; ${count} ${text}`)).join('')
    const text = this.#dryRun
      ? `Would import ${what}${rest}. Nothing was done.\n`
      : `Imported ${what} in ${(tookMs / 1_000).toFixed(1)} s${rest}.\n`
    this.#warn(inUse)
    this.#output.tell(text, { kind: 'import', ...result, dryRun: this.#dryRun, tookMs: Math.round(tookMs) })
  }

  /** JSON has the number. */
  #warn(inUse: number): void {
    if (inUse === 0 || this.#output.format === 'json') return
    const imported = this.#dryRun ? 'what would be imported' : 'what was imported'
    complain(
      `${counted(inUse, 'user')} had other notifications already, and ${imported} counts as newer than these: with the next ` +
        'that are sent, these are the first to go. Import before your programs change over.',
    )
  }

  /** It ended before its end. */
  stopped(result: ImportResult): void {
    const { imported, already, inUse } = result
    this.#warn(inUse)
    const before = already === 0 ? '' : `, ${already} had been before`
    const next = this.#dryRun ? '' : ' Run it again to go on: nothing is imported twice.'
    complain(
      `Stopped; ${counted(imported, 'notification')} ${imported === 1 ? 'was' : 'were'} imported${before}.${next}`,
    )
    if (this.#output.format === 'json') this.#output.tell('', { kind: 'stopped', ...result, dryRun: this.#dryRun })
  }
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
