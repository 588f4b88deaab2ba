import type { Command, Reply } from '../protocol/client-protocol.ts'
import { CLIENT_ERRORS, type ClientError, DISCONNECTS, type Disconnect } from '../protocol/codes.ts'
import type { ClientSession } from './client-session.ts'
import { ClientFailure } from './contract.ts'
import { METHODS, type MethodName, methodsOf } from './session-commands.ts'
import { FULL, take } from './token-bucket.ts'

/** Commands of one client that run at once, or wait for each other. */
const MAX_RUNNING = 256
/**
 * Milliseconds for a command of a channel, to the next second. Clients wait for five seconds, and then give up the whole
 * connection rather than one subscription.
 */
const ANSWER_MS = 3_000
/** What a client sends beside the subscriptions that it makes at once when it connects. */
const BESIDE_SUBSCRIPTIONS = 32

/** One command that is on its way. */
export class Call {
  readonly command: Command
  readonly name: MethodName
  /** Resolves once it is answered: then the next of its channel may go on. */
  readonly answered: Promise<void>
  /** Takes back what was begun, where it is answered before it is done. */
  abandon: (() => void) | undefined
  #answer!: () => void
  #over = false

  constructor(command: Command, name: MethodName) {
    this.command = command
    this.name = name
    this.answered = new Promise((resolve) => {
      this.#answer = resolve
    })
  }

  get over(): boolean {
    return this.#over
  }

  /** False where it is answered already. */
  end(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#answer()
    return true
  }
}

/**
 * Runs the commands of one client. Those of one channel run one after another, as they came; all others at once. What
 * comes before the client is connected waits until it is.
 */
export class CommandRunner {
  readonly #session: ClientSession
  #rate = FULL
  #running = 0
  #hasConnected = false
  /** What is to be done once the client has been told that it is connected; defined while it connects. */
  #waiting: (() => void)[] | undefined
  /** By channel, the last command that has come. Only there while there is any. */
  #turns: Map<string, Call> | undefined

  constructor(session: ClientSession) {
    this.#session = session
  }

  take(command: Command): void {
    const session = this.#session
    const { id } = command
    const [name, another] = methodsOf(command)
    // A command asks for one thing, so that it cannot be taken for another than it is checked as.
    if ((id !== undefined && (!Number.isSafeInteger(id) || id < 1)) || another !== undefined) {
      session.close(DISCONNECTS.badRequest)
      return
    }
    if (!this.#mayRun(id, name)) return
    if (name === undefined) {
      if (id === undefined) session.close(DISCONNECTS.badRequest)
      else session.reply({ id, error: CLIENT_ERRORS.methodNotFound })
      return
    }
    if (name === 'connect') {
      if (this.#hasConnected) {
        session.close(DISCONNECTS.badRequest)
        return
      }
      this.#hasConnected = true
      this.#waiting = []
      session.hold()
    } else if (this.#waiting !== undefined) {
      // Clients do not wait for the reply before they go on.
      this.#waiting.push(() => this.#begin(command, name))
      return
    } else if (session.user === undefined) {
      session.close(DISCONNECTS.badRequest)
      return
    }
    this.#begin(command, name)
  }

  /** At once where the client is not connecting. */
  whenConnected(act: () => void): void {
    if (this.#waiting === undefined) act()
    else this.#waiting.push(act)
  }

  /** Too many are refused, and far too many end the connection. */
  #mayRun(id: number | undefined, name: MethodName | undefined): boolean {
    const session = this.#session
    const { commandsPerSecond, channelsPerClient } = session.node.limits
    const burst = Math.max(commandsPerSecond * 2, channelsPerClient + BESIDE_SUBSCRIPTIONS)
    const rate = take(this.#rate, commandsPerSecond, burst)
    // A client that may not even unsubscribe gives up the connection.
    const isTooMany = name !== 'unsubscribe' && (rate === undefined || this.#running >= MAX_RUNNING)
    const after = rate ?? take(this.#rate, commandsPerSecond, burst * 2)
    if (after === undefined) {
      session.close(DISCONNECTS.flood)
      return false
    }
    this.#rate = after
    if (isTooMany && id !== undefined) session.reply({ id, error: CLIENT_ERRORS.tooManyRequests })
    return !isTooMany
  }

  #begin(command: Command, name: MethodName): void {
    const call = new Call(command, name)
    const channel = channelOf(call)
    if (channel === undefined) {
      void this.#run(call)
      return
    }
    this.#turns ??= new Map()
    const before = this.#turns.get(channel)
    this.#turns.set(channel, call)
    const cancel = this.#session.node.wheel.at(ANSWER_MS, () => {
      if (call.over) return
      this.#fail(call, CLIENT_ERRORS.internal)
      call.abandon?.()
    })
    void call.answered.then(() => {
      cancel()
      if (this.#turns?.get(channel) !== call) return
      this.#turns.delete(channel)
      if (this.#turns.size === 0) this.#turns = undefined
    })
    void this.#run(call, before)
  }

  async #run(call: Call, before?: Call): Promise<void> {
    const session = this.#session
    const { id } = call.command
    this.#running += 1
    try {
      if (before !== undefined) await before.answered
      if (call.over || session.closed) return
      const result = await METHODS[call.name](session, call.command, call)
      if (!call.end()) return
      if (id !== undefined && result !== undefined) session.reply({ id, ...result } as Reply)
      if (call.name === 'connect') this.#release()
    } catch (error) {
      if (session.closed) return
      const isKnown = error instanceof ClientFailure
      if (!isKnown) session.node.report(error)
      this.#fail(call, isKnown ? error.error : CLIENT_ERRORS.internal)
    } finally {
      call.end()
      this.#running -= 1
    }
  }

  #release(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    this.#session.release()
    for (const act of waiting) act()
  }

  #fail(call: Call, error: ClientError): void {
    const session = this.#session
    const { id } = call.command
    if (!call.end()) return
    if (id !== undefined) session.reply({ id, error })
    // Who could not say who it is has nothing more to say here.
    if (call.name === 'connect') setImmediate(() => session.close(farewell(error)))
  }
}

/** How a connection ends that was refused. */
function farewell({ code, temporary }: ClientError): Disconnect {
  return FAREWELLS[code] ?? (temporary === true ? DISCONNECTS.serverError : DISCONNECTS.invalidToken)
}

const FAREWELLS: Readonly<Record<number, Disconnect>> = {
  [CLIENT_ERRORS.tokenExpired.code]: DISCONNECTS.serverError,
  [CLIENT_ERRORS.tooManyRequests.code]: DISCONNECTS.tooManyRequests,
  [CLIENT_ERRORS.limitExceeded.code]: DISCONNECTS.channelLimit,
  [CLIENT_ERRORS.badRequest.code]: DISCONNECTS.badRequest,
  [CLIENT_ERRORS.permissionDenied.code]: DISCONNECTS.permissionDenied,
  [CLIENT_ERRORS.notAvailable.code]: DISCONNECTS.notAvailable,
}

/** The channel that a command is about, be it one or not. */
function channelOf({ command, name }: Call): string | undefined {
  const request: unknown = command[name as keyof Command]
  const channel = (request as { readonly channel?: unknown } | null | undefined)?.channel
  return typeof channel === 'string' ? channel : undefined
}
