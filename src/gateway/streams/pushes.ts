import type { Publication, Push, SubscribeResult } from '../../protocol/client-protocol.ts'
import type { Disconnect } from '../../protocol/codes.ts'
import type { Frames } from '../frames.ts'

/** What a frame says, as far as it concerns who only listens. */
export type ReadPush =
  | { readonly kind: 'publication'; readonly channel: string; readonly publication: Publication; readonly json: string }
  | { readonly kind: 'subscribed'; readonly channel: string; readonly result: SubscribeResult }
  | { readonly kind: 'unsubscribed'; readonly channel: string; readonly why: Disconnect }
  | { readonly kind: 'ping' }

/** Many clients get the same frames: they are read once. */
const known = new WeakMap<Frames, readonly ReadPush[]>()

export function readPushes(frames: Frames): readonly ReadPush[] {
  let pushes = known.get(frames)
  if (pushes === undefined) {
    pushes = frames.text.split('\n').flatMap((line) => read(line) ?? [])
    known.set(frames, pushes)
  }
  return pushes
}

/** The data of the event that a publication becomes. */
export function publicationText(channel: string, { data, offset }: Publication): string {
  return JSON.stringify({ channel, data, offset })
}

function read(line: string): ReadPush | undefined {
  if (line === '{}') return { kind: 'ping' }
  const { push } = JSON.parse(line) as Partial<Push>
  const channel = push?.channel
  if (push === undefined || channel === undefined) return undefined
  if ('pub' in push) {
    return { kind: 'publication', channel, publication: push.pub, json: publicationText(channel, push.pub) }
  }
  if ('subscribe' in push) return { kind: 'subscribed', channel, result: push.subscribe }
  if ('unsubscribe' in push) return { kind: 'unsubscribed', channel, why: push.unsubscribe }
  return undefined
}
