import { MAX_RESUME_CHANNELS } from '../auth/resume-tokens.ts'
import { HttpFailure } from '../http/problem.ts'

/** Names that a client may give: no patterns, nothing that is a part of a key. */
const CHANNEL = /^[A-Za-z0-9_.:@-]+$/

/** The channels that somebody asks for, each once. @throws HttpFailure */
export function readChannels(value: unknown, maxLength: number): readonly string[] {
  const names = Array.isArray(value) ? [...new Set<unknown>(value)] : []
  if (names.length === 0 || names.length > MAX_RESUME_CHANNELS) {
    throw invalid(`A stream has from 1 to ${MAX_RESUME_CHANNELS} channels.`)
  }
  return names.map((name) => {
    if (typeof name === 'string' && name.length <= maxLength && CHANNEL.test(name)) return name
    throw invalid('The name of a channel has letters, digits, and _ . : @ - alone.')
  })
}

function invalid(detail: string): HttpFailure {
  return new HttpFailure(400, 'Bad Request', detail, 'INVALID_CHANNEL')
}
