import { Centrifuge, type PublicationContext } from 'centrifuge'
import { formatPosition, parsePosition } from '../protocol/position.ts'
import { type ClientOptions, sdkOptions } from './client-options.ts'

/** A place in a log as the SDK knows it: `epoch` is that of the position, a dot, and the generation. */
export interface StreamPlace {
  readonly offset: number
  readonly epoch: string
}

/** A publication that says which generation it is of, where the gateway said so. */
export type Publication = PublicationContext & { readonly epoch?: string | undefined }

/**
 * The SDK. It hides the `epoch` of a publication, without which the first event of a log and those from before a
 * failover have no right position, so it is put back.
 */
export function createSdk(options: ClientOptions): Centrifuge {
  const { endpoints, settings } = sdkOptions(options)
  const sdk = new Centrifuge(endpoints, settings)
  const inner = sdk as unknown as {
    _getPublicationContext(channel: string, publication: { readonly epoch?: string }): PublicationContext
  }
  const original = inner._getPublicationContext
  inner._getPublicationContext = (channel, publication): Publication => {
    return Object.assign(original.call(sdk, channel, publication), { epoch: publication.epoch })
  }
  return sdk
}

/** The position of what is at a place; undefined for a gateway that says no epoch. */
export function positionAt(offset: number | undefined, epoch: string | undefined): string | undefined {
  if (offset === undefined || epoch === undefined) return undefined
  if (epoch === '') return offset === 0 ? '0-0@' : undefined
  const [name = '', gen = ''] = epoch.split('.')
  const text = `${offset}-${gen}@${name}`
  return parsePosition(text) === undefined ? undefined : text
}

/** Undefined for what is no position. */
export function placeOf(text: string): StreamPlace | undefined {
  const position = parsePosition(text)
  if (position === undefined || formatPosition(position) !== text) return undefined
  const { epoch, gen, seq } = position
  return { offset: seq, epoch: epoch === '' ? '' : `${epoch}.${gen}` }
}
