import { escapeGlob } from './glob.ts'
import { type LogId, logText, parseLogText } from './log-id.ts'
import { partitionOf, partitionTag } from './partitions.ts'
import { encodeUserId } from './user-id.ts'

/**
 * Every internal name that Tidings uses in Redis beside the user's own channels; docs/keys.md lists them. All of
 * them start with the namespace (default `tidings`), so that deployments that share a Redis do not meet. What is
 * kept in Redis carries its partition's tag in braces, so that a partition is in one slot of a Cluster.
 */
export const DEFAULT_NAMESPACE = 'tidings'

/** Where responders listen for requests that concern one channel of the bus. */
export function requestChannel(namespace: string, channel: string): string {
  return `${namespace}:request:${channel}`
}

/** What every reply channel starts with; a responder answers nowhere else. */
export function replyPrefix(namespace: string): string {
  return `${namespace}:reply:`
}

/** Where one bus waits for the replies to its requests. */
export function replyChannel(namespace: string, busId: string): string {
  return `${replyPrefix(namespace)}${busId}`
}

/** A channel on which nothing comes: its subscription's confirmation comes after all that was sent before. */
export function passedChannel(namespace: string, name: string): string {
  return `${namespace}:passed:${name}`
}

/** What the deployment is: hash with `format`, `partitions`, and the policies with their `version`. */
export function deploymentKey(namespace: string): string {
  return `${namespace}:deployment`
}

/** The keys of one partition, and of the logs in it. */
export interface PartitionKeys {
  /** Hash: the history that last wrote here, and the change counter. */
  readonly partition: string
  /** Sorted set: logs by the counter of their last change; the registry of logs. */
  readonly changes: string
  /** Hash: marks of what has been appended, by dedupe key and by producer. */
  readonly marks: string
  /** Sorted set: when each mark may go. */
  readonly markExpiry: string
  /** What the names of this partition's logs begin with: the log's text follows. */
  readonly prefix: string
}

export function partitionKeys(namespace: string, partition: number, partitions: number): PartitionKeys {
  const prefix = `${namespace}:{${partitionTag(partition, partitions)}}:`
  return {
    partition: `${prefix}partition`,
    changes: `${prefix}changes`,
    marks: `${prefix}marks`,
    markExpiry: `${prefix}mark-expiry`,
    prefix,
  }
}

/** The keys of one log. */
export interface LogKeys {
  /** Stream: the entries. */
  readonly stream: string
  /** Hash: epoch, seq, gen and what else belongs to the log as a whole. */
  readonly head: string
}

export function logKeys(namespace: string, log: LogId, partitions: number): LogKeys {
  const { prefix } = partitionKeys(namespace, logPartition(log, partitions), partitions)
  return { stream: prefix + logText(log), head: `${prefix}head:${logText(log)}` }
}

export function logPartition(log: LogId, partitions: number): number {
  return partitionOf(logText(log), partitions)
}

/** Where the frames of a log are published. */
export function liveChannel(namespace: string, log: LogId, partitions: number): string {
  const { prefix } = partitionKeys(namespace, logPartition(log, partitions), partitions)
  return `${prefix}live:${logText(log)}`
}

/** The pattern that brings the frames of every channel's own log whose channel matches a pattern. */
export function livePattern(namespace: string, pattern: string): string {
  return `${escapeGlob(namespace)}:{*}:live:log:${pattern}`
}

/** The log whose frames come on an internal channel; undefined for any other channel. */
export function logOfLiveChannel(namespace: string, channel: string): LogId | undefined {
  const start = `${namespace}:{`
  if (!channel.startsWith(start)) return undefined
  const tagEnd = channel.indexOf('}:live:', start.length)
  return tagEnd < 0 ? undefined : parseLogText(channel.slice(tagEnd + 7))
}

/**
 * What the names of all keys of one user's inbox begin with; see lua/inbox.lua for what follows. The user id is one
 * that `encodeUserId` has made.
 */
export function inboxPrefix(namespace: string, encodedUserId: string, partitions: number): string {
  const name = `inbox:${encodedUserId}`
  return `${partitionKeys(namespace, partitionOf(name, partitions), partitions).prefix}${name}:`
}

/** Where the frames of an inbox are published. */
export function inboxChannel(namespace: string, encodedUserId: string, partitions: number): string {
  return `${inboxPrefix(namespace, encodedUserId, partitions)}live`
}

/** Hash: how much is kept in inboxes, by the names of the limits that somebody has declared. */
export function inboxLimitsKey(namespace: string): string {
  return `${namespace}:inbox-limits`
}

/** Sorted set: the users who follow a topic, all with score 0. */
export function followersKey(namespace: string, topic: string, partitions: number): string {
  const name = `followers:${topic}`
  return partitionKeys(namespace, partitionOf(name, partitions), partitions).prefix + name
}

/** The keys of who is there on one channel; see lua/presence.lua. */
export interface PresenceKeys {
  /** Hash: clients, with their users and what is shown of them. */
  readonly members: string
  /** Sorted set: clients by the end of their leases. */
  readonly leases: string
  /** Hash: users, with the number of their clients. */
  readonly users: string
  /** What the name of the key begins with that holds the answer to a call for a moment. */
  readonly answers: string
}

export function presenceKeys(namespace: string, channel: string, partitions: number): PresenceKeys {
  const prefix = prefixOf(namespace, `presence:${channel}`, partitions)
  return {
    members: `${prefix}presence:members:${channel}`,
    leases: `${prefix}presence:leases:${channel}`,
    users: `${prefix}presence:users:${channel}`,
    answers: `${prefix}presence:answer:`,
  }
}

/** Hash: nodes, with the end of their leases and what they say of themselves. */
export function nodesKey(namespace: string, partitions: number): string {
  return `${prefixOf(namespace, 'nodes', partitions)}nodes`
}

/** String: until when a user's tokens are revoked. */
export function revokedKey(namespace: string, userId: string, partitions: number): string {
  const name = `revoked:${encodeUserId(userId)}`
  return prefixOf(namespace, name, partitions) + name
}

/** The channel of what all nodes are told. */
export function controlChannel(namespace: string): string {
  return `${namespace}:control`
}

/** Where one node is told what is for it alone. */
export function nodeChannel(namespace: string, nodeId: string): string {
  return `${namespace}:node:${nodeId}`
}

function prefixOf(namespace: string, name: string, partitions: number): string {
  return partitionKeys(namespace, partitionOf(name, partitions), partitions).prefix
}
