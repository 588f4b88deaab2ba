import { NOTIFICATION_TYPES, type Place, placeText } from '../../core/inbox.ts'
import type {
  BroadcastPlace,
  BroadcastTarget,
  InboxCommand,
  NotificationMessage,
  Targets,
} from '../../core/inbox-store.ts'

/** What lua/inbox.lua is told of the broadcast log. */
export function atText(at: BroadcastPlace): string {
  return `${at.epoch} ${placeText(at)} ${at.firstSeq}`
}

/** The arguments of `send` behind the flag of a repeated request; see lua/inbox/send.lua. */
export function sendArgs(userId: string, channel: string, message: NotificationMessage): string[] {
  const { body, type, topic, groupKey, expiresAtMs, dedupe, rate, followersOnly, imported, maxCount } = message
  const args = [channel, JSON.stringify(userId), typeIndex(type), body, String(maxCount)]
  if (topic !== undefined) args.push('topic', `:${topic}`)
  if (groupKey !== undefined) args.push('group', `:${groupKey}`)
  if (expiresAtMs !== undefined) args.push('expires', String(expiresAtMs))
  if (dedupe !== undefined) args.push('dedupe', `:${dedupe.key}`, 'window', String(dedupe.windowMs))
  if (rate !== undefined) {
    args.push('max', String(rate.max), 'within', String(rate.windowMs), 'summary', rate.summary)
  }
  if (followersOnly) args.push('followers', '1')
  if (imported !== undefined) args.push('imported', imported.read ? 'read' : 'unread')
  return args
}

/** The arguments of a command behind the broadcast log. */
export function commandArgs(command: InboxCommand): string[] {
  switch (command.kind) {
    case 'join':
    case 'settle':
      return []
    case 'follow':
    case 'unfollow':
      return [command.topic]
    case 'mute': {
      const { types, topics } = command.muted
      return [...new Set([...types.map((type) => `t:${typeIndex(type)}`), ...topics.map((topic) => `o:${topic}`)])]
    }
    case 'read-all':
    case 'see-all': {
      const { own, broadcasts } = command.upTo
      return [own === undefined ? '' : ownText(own), broadcasts === undefined ? '' : placeText(broadcasts)]
    }
    case 'snooze':
      return targetArgs(String(command.untilMs), command)
    case 'act':
      return targetArgs(command.action, command)
    case 'edit':
      return targetArgs(command.body, command)
    default:
      return targetArgs('', command)
  }
}

function targetArgs(content: string, { own, broadcasts }: Targets): string[] {
  return [content, String(own.length), ...own.map(ownText), ...broadcasts.map(broadcastText)]
}

function broadcastText({ expiresAtMs, ...place }: BroadcastTarget): string {
  return expiresAtMs === undefined ? placeText(place) : `${placeText(place)}@${expiresAtMs}`
}

function ownText(place: Place & { readonly epoch: string }): string {
  return `${placeText(place)}@${place.epoch}`
}

function typeIndex(type: NotificationMessage['type']): string {
  return String(NOTIFICATION_TYPES.indexOf(type))
}
