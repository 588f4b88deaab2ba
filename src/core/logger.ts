type LogLine = (fields: Readonly<Record<string, unknown>>, message: string) => void

/** What Tidings writes its log to: the shape of pino, so that a pino logger fits as it is. */
export interface Logger {
  debug: LogLine
  info: LogLine
  warn: LogLine
  error: LogLine
}

const ignore: LogLine = () => {}

/** The default: says nothing. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
