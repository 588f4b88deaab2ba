import { TidingsError } from '../../core/errors.ts'
import type { LogEntry, LogHead, LogPage } from '../../core/event-log.ts'
import { type Generation, generationAt } from '../../core/generation.ts'
import type { LogId } from '../../core/log-id.ts'
import type { PolicyChange, StoredPolicies } from '../../core/policy.ts'

/** The layout of what is kept in Redis. A program refuses to work on one that it does not know. */
export const FORMAT = 1

/** Reads what lua/read.lua returned. */
export function decodePage(reply: unknown, log: LogId): LogPage {
  if (!Array.isArray(reply)) return { head: undefined, entries: [] }
  const [epoch, seq, gen, firstSeq, chain, rows] = reply as [Buffer, Buffer, Buffer, Buffer, Buffer, Row[]]
  const head: LogHead = {
    epoch: String(epoch),
    seq: Number(seq),
    gen: Number(gen),
    firstSeq: Number(firstSeq),
    chain: String(chain).split(' ').map(decodeGeneration),
  }
  const entries: LogEntry[] = []
  for (const row of rows) {
    const entry = decodeEntry(row, log)
    if (entry !== undefined && entry.gen === generationAt(head.chain, entry.seq)) entries.push(entry)
  }
  return { head, entries }
}

type Row = readonly [id: Buffer, fields: readonly Buffer[]]

function decodeGeneration(text: string): Generation {
  const [gen, firstSeq] = text.split(':')
  return { gen: Number(gen), firstSeq: Number(firstSeq) }
}

/** The name of an entry's field, which its payload is the value of: the change counter, and the time. */
const STAMP = /^(\d{1,16}) (\d{1,16})$/

/** Undefined for what Tidings did not write: a stranger's entry between two of ours. */
function decodeEntry([id, fields]: Row, log: LogId): LogEntry | undefined {
  const [seq, gen] = String(id).split('-')
  const stamp = STAMP.exec(String(fields[0]))
  const payload = fields[1]
  if (stamp === null || payload === undefined) return undefined
  return {
    seq: Number(seq),
    gen: Number(gen),
    channel: log.kind === 'channel' ? log.name : String(fields[3]),
    timeMs: Number(stamp[2]),
    counter: Number(stamp[1]),
    payload,
  }
}

/**
 * Reads what is known of the deployment: format, partitions, version, and the policies.
 * @throws TidingsError `DEPLOYMENT_MISMATCH`
 */
export function decodeDeployment(reply: readonly (Buffer | null)[], partitions: number): StoredPolicies {
  const [format, stored, version, policies] = reply.map((value) => (value === null ? undefined : String(value)))
  if (format !== undefined && Number(format) !== FORMAT) {
    throw new TidingsError(
      'DEPLOYMENT_MISMATCH',
      `The logs in this Redis have format ${format}; this program knows ${FORMAT}.`,
      {
        hint: 'Update Tidings here, or use another namespace.',
        context: { format },
      },
    )
  }
  if (stored !== undefined && Number(stored) !== partitions) {
    throw new TidingsError(
      'DEPLOYMENT_MISMATCH',
      `This Redis has ${stored} partitions; the option says ${partitions}.`,
      {
        hint: 'The number is fixed when the first message is appended. Give the option that number.',
        context: { stored: Number(stored), partitions },
      },
    )
  }
  return { version: Number(version ?? 0), policies: policies === undefined ? {} : JSON.parse(policies) }
}

/** Reads when the last versions of the policies were made: `<version>:<ms>`, joined by spaces. */
export function decodeChanges(changed: Buffer | null | undefined): PolicyChange[] {
  const made = String(changed ?? '').matchAll(/(?<= |^)(\d{1,16}):(\d{1,16})(?= |$)/g)
  return [...made].map(([, version, ms]) => ({ version: Number(version), ms: Number(ms) }))
}
