import { Message } from '../core/message.ts'
import type { Position } from '../protocol/position.ts'
import { toStream } from './stream-position.ts'

/** The JSON of a message's payload: as it is where it is JSON on one line, else made of it. */
function dataJson(message: Message): string {
  const { value, text } = message
  // JSON of a string is longer than the string: only what is no JSON is its own value.
  if (value === text) return JSON.stringify(text)
  // A line end would end the frame; only between the tokens of JSON there may be one.
  return text.includes('\n') || text.includes('\r') ? JSON.stringify(value) : text
}

/** A publication as JSON. */
export function publicationJson(message: Message, epoch?: string): string {
  const { position } = message
  const offset = position === undefined ? '' : `,"offset":${position.seq}`
  return `{"data":${dataJson(message)}${offset}${epoch === undefined ? '' : `,"epoch":${JSON.stringify(epoch)}`}}`
}

/** A message that is kept in memory for those who come back. */
export interface Kept {
  readonly position: Position
  readonly json: string
}

/** The JSON of a kept publication for who takes `epoch` for its log's: with its own where its generation is another. */
export function keptJson({ json, position }: Kept, epoch: string): string {
  const own = toStream(position).epoch
  return own === epoch ? json : `${json.slice(0, -1)},"epoch":${JSON.stringify(own)}}`
}

/**
 * The same for several, in order: clients take the epoch of one for that of all that follow. With the epoch that they
 * take for the log's in the end.
 */
export function keptInOrder(
  publications: readonly Kept[],
  epoch: string,
): { readonly jsons: readonly string[]; readonly epoch: string } {
  let known = epoch
  const jsons = publications.map((each) => {
    const json = keptJson(each, known)
    known = toStream(each.position).epoch
    return json
  })
  return { jsons, epoch: known }
}

export function kept(channel: string, payload: Buffer, position: Position): Kept {
  return { position, json: publicationJson(new Message(channel, payload, position)) }
}
