import type { Position } from '../protocol/position.ts'
import type { Member } from './channel-member.ts'
import type { NodeChannel } from './node-channel.ts'
import type { Kept } from './publication.ts'
import { isSamePosition } from './stream-position.ts'

/** How a member came to a channel. */
export interface Joined {
  /** Where it stands; undefined on a channel without history. */
  readonly position: Position | undefined
  /** Undefined where it did not want to recover. */
  readonly recovered: boolean | undefined
  readonly publications: readonly Kept[]
  /** It is no member yet: there is more than it can be given at once, from its position on. */
  readonly more: boolean
}

/** Makes somebody a member, with what it missed since a position. What comes afterwards follows without a hole. */
export async function join(channel: NodeChannel, member: Member, since: Position | undefined): Promise<Joined> {
  const here = channel.position
  if (here === undefined || since === undefined) {
    channel.add(member)
    return { position: here, recovered: since === undefined ? undefined : false, publications: [], more: false }
  }
  const publications: Kept[] = []
  let position = since
  for (;;) {
    const recovery = await channel.recover(position)
    if (!recovery.recovered) {
      channel.add(member)
      return { position: channel.position, recovered: false, publications: [], more: false }
    }
    publications.push(...recovery.publications)
    position = recovery.position
    if (recovery.more) return { position, recovered: true, publications, more: true }
    const rest = stand(channel, member, position)
    if (rest === undefined) continue
    publications.push(...rest)
    return { position: rest.at(-1)?.position ?? position, recovered: true, publications, more: false }
  }
}

/**
 * Makes a member of somebody who has had everything up to a position, now or not at all. Returns what it is still to be
 * given; undefined where that has to be read.
 */
export function stand(channel: NodeChannel, member: Member, position: Position): readonly Kept[] | undefined {
  const here = channel.position!
  if (!isSamePosition(here, position)) {
    const isAhead = here.epoch === '' || (here.epoch === position.epoch && here.seq < position.seq)
    const rest = isAhead ? [] : channel.recoverNow(position)
    if (rest === undefined) {
      // On a shared log others' entries are between: what it has read is up to date, and the channel has nothing more.
      if (channel.log?.kind !== 'shared' || here.seq > position.seq) return undefined
    }
    if (isAhead) member.skipTo = position
    channel.add(member)
    return rest ?? []
  }
  channel.add(member)
  return []
}
