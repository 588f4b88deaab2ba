/**
 * Marks that say from when on a user's tokens count. A mark only ever moves forward, and is forgotten in time, when no
 * token from before it is valid any more. Throws as `PresenceStore` does.
 */
export interface Revocations {
  /**
   * What was issued to the user until then is revoked.
   * @param beforeMs milliseconds since 1970, by the clock of who issues tokens
   * @param keepMs for how long that is to be known, by the store's clock; a longer time of an earlier call holds
   */
  revoke(userId: string, beforeMs: number, keepMs: number): Promise<void>
  /** The latest time of the user's; undefined where nothing is revoked. */
  revokedBefore(userId: string): Promise<number | undefined>
  /** Idempotent, never rejects. */
  close(): Promise<void>
}
