export const DEFAULT_PORT = 8_000
export const DEFAULT_DRAIN_MS = 5_000

export interface ServeOptions {
  readonly dev?: boolean
  readonly port?: number
  readonly host?: string
  readonly config?: string
  readonly drainMs: number
}
