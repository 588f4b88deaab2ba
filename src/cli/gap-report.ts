import type { Gap } from '../core/gap.ts'
import { complain, EXIT } from './failure.ts'
import type { Output } from './output.ts'

/** Tells a hole in a log: with `--json` as a record among the events, else on stderr. The exit code will be 1. */
export function showGap({ log, reason, from, to }: Gap, output: Output): void {
  process.exitCode = EXIT.failure
  if (output.format === 'json') output.tell('', { kind: 'gap', log, reason, from, to })
  else complain(`The log "${log}" has a hole after ${from}, up to ${to}: ${reason}.`)
}
