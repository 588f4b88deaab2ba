import { randomUUID } from 'node:crypto'
import { TidingsError } from '../../core/errors.ts'
import { CLIENT_ERRORS } from '../../protocol/codes.ts'
import { ClientFailure, type GatewayUser } from '../contract.ts'
import { SignedText } from './signed-text.ts'

/** The longest life of a ticket. */
const MAX_TICKET_MS = 30_000

/** Takes an id for `ttlMs`; resolves to false where it was taken already, by whichever node. */
export type ClaimId = (id: string, ttlMs: number) => Promise<boolean>

export interface SignedTicketsOptions {
  /** At least 32 bytes, the same on all nodes. */
  readonly secret: string
  readonly claim: ClaimId
}

interface Body {
  readonly id: string
  readonly until: number
  readonly user: GatewayUser
  readonly data?: unknown
}

/** Tickets that open one stream, once and soon: for requests that cannot carry a token in a header. */
export class SignedTickets {
  readonly #text: SignedText
  readonly #claim: ClaimId

  /** @throws TidingsError `INVALID_OPTION` */
  constructor({ secret, claim }: SignedTicketsOptions) {
    this.#text = new SignedText(secret, 'ticket')
    this.#claim = claim
  }

  /**
   * @param data what else the stream needs to know; whoever has the ticket can read it
   * @param ttlMs at most 30,000, the default
   * @throws TidingsError `INVALID_OPTION`
   */
  issue(user: GatewayUser, data?: unknown, ttlMs: number = MAX_TICKET_MS): string {
    if (!(ttlMs > 0 && ttlMs <= MAX_TICKET_MS)) {
      throw new TidingsError('INVALID_OPTION', `A ticket lives for at most ${MAX_TICKET_MS} milliseconds.`)
    }
    const body: Body = { id: randomUUID(), until: Date.now() + ttlMs, user, data }
    return this.#text.sign(body)
  }

  /**
   * Takes a ticket: whoever comes first has it.
   * @throws ClientFailure `unauthorized` for a ticket that is none, is over, or was used; whatever `claim` throws
   */
  async redeem(ticket: string): Promise<{ readonly user: GatewayUser; readonly data: unknown }> {
    const body = this.#text.read(ticket) as Body | undefined
    const leftMs = (body?.until ?? 0) - Date.now()
    const good = body !== undefined && leftMs > 0 && (await this.#claim(body.id, Math.ceil(leftMs)))
    if (!good) throw new ClientFailure(CLIENT_ERRORS.unauthorized)
    return { user: body.user, data: body.data }
  }
}

/** Remembers ids in this process: enough where there is one node. */
export class UsedIds {
  readonly #until = new Map<string, number>()

  get size(): number {
    return this.#until.size
  }

  readonly claim: ClaimId = async (id, ttlMs) => {
    const now = Date.now()
    for (const [old, until] of this.#until) {
      if (until > now) break
      this.#until.delete(old)
    }
    if ((this.#until.get(id) ?? 0) > now) return false
    this.#until.set(id, now + ttlMs)
    return true
  }
}
