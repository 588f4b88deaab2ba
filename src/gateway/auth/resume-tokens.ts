import { TidingsError } from '../../core/errors.ts'
import { CLIENT_ERRORS } from '../../protocol/codes.ts'
import { formatPosition, type Position, parsePosition } from '../../protocol/position.ts'
import { ClientFailure, type GatewayUser } from '../contract.ts'
import { SignedText } from './signed-text.ts'

/** The most channels that one stream may have: what it has read is in every id. */
export const MAX_RESUME_CHANNELS = 32

export interface ResumeState {
  readonly user: GatewayUser & { readonly expiresAtMs: number }
  /** Where each channel was read to; undefined for one without history. */
  readonly positions: ReadonlyMap<string, Position | undefined>
}

interface Body {
  readonly user: ResumeState['user']
  readonly at: readonly (readonly [channel: string, position: string])[]
}

/**
 * Where a stream was read to, as the id that a browser's EventSource gives back by itself when it connects again. It
 * is good as often as wanted, for as long as the token that the stream was opened with.
 */
export class ResumeTokens {
  readonly #text: SignedText

  /** @throws TidingsError `INVALID_OPTION` */
  constructor(secret: string) {
    this.#text = new SignedText(secret, 'resume')
  }

  /** @throws TidingsError `INVALID_OPTION` for more than 32 channels */
  issue({ user, positions }: ResumeState): string {
    if (positions.size > MAX_RESUME_CHANNELS) {
      throw new TidingsError('INVALID_OPTION', `A stream has at most ${MAX_RESUME_CHANNELS} channels.`)
    }
    const at = [...positions].map(
      ([channel, position]) => [channel, position === undefined ? '' : formatPosition(position)] as const,
    )
    const body: Body = { user, at }
    return this.#text.sign(body)
  }

  /** @throws ClientFailure `unauthorized`; `tokenExpired` where it was good once */
  read(token: string): ResumeState {
    const state = this.readExpired(token)
    if (state.user.expiresAtMs <= Date.now()) throw new ClientFailure(CLIENT_ERRORS.tokenExpired)
    return state
  }

  /**
   * Also of one that is over: it says no more who somebody is, but where that user had read to.
   * @throws ClientFailure `unauthorized`
   */
  readExpired(token: string): ResumeState {
    const body = this.#text.read(token) as Body | undefined
    if (body === undefined) throw new ClientFailure(CLIENT_ERRORS.unauthorized)
    return { user: body.user, positions: new Map(body.at.map(([channel, text]) => [channel, parsePosition(text)])) }
  }
}
