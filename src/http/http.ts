import type { Receipt } from '../messaging/append.ts'
import type { EventTypeOf, InputOf, UntypedEvents } from '../messaging/event-map.ts'
import type { BroadcastOptions, SentBroadcast } from '../notifications/broadcasts.ts'
import type { BroadcastInput, NotificationInput } from '../notifications/notification.ts'
import type { SendOptions, Sent } from '../notifications/sender.ts'
import { errorOf, HttpError } from './http-error.ts'

export interface HttpOptions {
  /** Where the gateway is. */
  readonly url: string
  /** One of the gateway's keys. Undefined is refused: a variable may not be set. */
  readonly apiKey: string | undefined
  /** Default: the global one. */
  readonly fetch?: typeof fetch | undefined
  /** Milliseconds for a call, all its attempts together. Default 10,000. */
  readonly timeoutMs?: number | undefined
}

export interface HttpCallOptions {
  /** The same key says that it is the same call, made again. Default: a new one for each call. */
  readonly idempotencyKey?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface HttpAppendOptions extends HttpCallOptions {
  /** An event of the same log with the same key is not appended again. */
  readonly dedupeKey?: string | undefined
}

/** What a program without a connection to Redis does through a gateway. Every method rejects with an `HttpError`. */
export interface Http<Events = UntypedEvents> {
  /** Emits an event. Resolves to the subscriptions that it reached. Made once: a failure may mean that it arrived. */
  emit<Type extends EventTypeOf<Events>>(
    type: Type,
    data: InputOf<Events, Type>,
    options?: HttpCallOptions,
  ): Promise<number>
  /** Appends an event to its log. Rejects with `NO_HISTORY` where nothing is kept. */
  append<Type extends EventTypeOf<Events>>(
    type: Type,
    data: InputOf<Events, Type>,
    options?: HttpAppendOptions,
  ): Promise<Receipt>
  /** Sends a notification to a user. */
  notify(userId: string, notification: NotificationInput, options?: SendOptions & HttpCallOptions): Promise<Sent>
  /** Sends one to everybody, or to an audience. */
  broadcast(notification: BroadcastInput, options?: BroadcastOptions & HttpCallOptions): Promise<SentBroadcast>
}

/** Attempts at a call that the gateway recognises when it is made again. */
const MAX_ATTEMPTS = 3
const FIRST_WAIT_MS = 100
/** There was no answer, or one that says that somebody on the way could not. */
const MAY_SUCCEED_LATER: readonly number[] = [0, 502, 503, 504]

/**
 * Calls a gateway by nothing but `fetch`: for functions, workers and whatever else keeps no connection.
 * @throws HttpError `INVALID_OPTION` without a key
 */
export function createHttp<Events = UntypedEvents>(options: HttpOptions): Http<Events> {
  const { url, apiKey, fetch: call = fetch, timeoutMs = 10_000 } = options
  if (apiKey === undefined || apiKey === '') {
    const detail = 'Is the environment variable set that it is taken from?'
    throw new HttpError({ status: 0, code: 'INVALID_OPTION', title: 'The option "apiKey" must be a key', detail })
  }
  const base = url.replace(/\/+$/, '')

  const attempt = async (path: string, body: string, key: string, signal: AbortSignal): Promise<unknown> => {
    let response: Response
    try {
      response = await call(base + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `apikey ${apiKey}`, 'idempotency-key': key },
        body,
        signal,
      })
      if (response.ok) return await response.json()
    } catch (cause) {
      throw noAnswer(cause, signal)
    }
    throw await errorOf(response)
  }

  const post = async (path: string, content: object, options: HttpCallOptions, attempts: number): Promise<unknown> => {
    const { idempotencyKey = crypto.randomUUID(), signal } = options
    const timeout = AbortSignal.timeout(timeoutMs)
    const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout])
    const body = JSON.stringify(content)
    for (let count = 1; ; count += 1) {
      try {
        return await attempt(path, body, idempotencyKey, either)
      } catch (error) {
        if (count >= attempts || either.aborted || !MAY_SUCCEED_LATER.includes((error as HttpError).status)) throw error
        await wait(FIRST_WAIT_MS * 2 ** (count - 1) * (0.5 + Math.random()), either)
      }
    }
  }

  const event = (type: string) => `/v1/events/${encodeURIComponent(type)}`
  return {
    emit: async (type, data, options = {}) => {
      const { receivers } = (await post(event(type), { data: data ?? null }, options, 1)) as { receivers: number }
      return receivers
    },
    append: async (type, data, { dedupeKey, ...options } = {}) =>
      (await post(event(type), { data: data ?? null, append: true, dedupeKey }, options, MAX_ATTEMPTS)) as Receipt,
    notify: async (userId, notification, { idempotencyKey, signal, ...rest } = {}) =>
      (await post(
        `/v1/users/${encodeURIComponent(userId)}/notifications`,
        { ...notification, ...rest },
        { idempotencyKey, signal },
        MAX_ATTEMPTS,
      )) as Sent,
    broadcast: async (notification, { idempotencyKey, signal, ...rest } = {}) =>
      (await post(
        '/v1/broadcasts',
        { ...notification, ...rest },
        { idempotencyKey, signal },
        MAX_ATTEMPTS,
      )) as SentBroadcast,
  }
}

function noAnswer(cause: unknown, signal: AbortSignal): HttpError {
  const timedOut = signal.aborted && (signal.reason as Error | undefined)?.name === 'TimeoutError'
  const [code, title] = timedOut
    ? ['TIMEOUT', 'The gateway did not answer in time']
    : signal.aborted
      ? ['ABORTED', 'The call was aborted']
      : ['NO_ANSWER', 'The gateway could not be reached']
  return new HttpError({ status: 0, code, title, detail: '' }, { cause })
}

/** Waits, but not beyond the end of the call. */
function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}
