import type { Resumed } from '../core/gap.ts'
import type { SubscriptionHandle } from '../core/pub-sub.ts'
import type { Position } from '../protocol/position.ts'
import type { Since } from './since.ts'
import type { LogEnds } from './watch.ts'

export interface FollowOptions {
  readonly since?: Since | undefined
  readonly paused?: boolean | undefined
}

/** A place on a log, or on those behind a pattern. */
export interface TailHandle extends SubscriptionHandle {
  /** How it goes on from the position that it was to. */
  readonly resumed?: Resumed | undefined
  /** Nothing is delivered from now on; what comes is read from the log after {@link resume}. */
  pause(): void
  /** @param room how many entries the listener can take */
  resume(room: number): void
  /** Whether it has been given all that was in its logs when it was asked. */
  drained(): Promise<boolean>
}

/** A place on one log. */
export interface FollowHandle extends TailHandle {
  /** Paused, it is to go on right after a position. */
  startAfter(position: Position): void
}

/** What a pattern was given. */
export interface WatchHandle extends TailHandle {
  /** Paused, it is to go on right after where others have read each log to, and with all of those not read. */
  startAfter(ends: LogEnds): void
}
