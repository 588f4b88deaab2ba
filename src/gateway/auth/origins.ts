import { TidingsError } from '../../core/errors.ts'

export interface OriginRules {
  /** Origins of pages that may connect, exactly as browsers send them: `https://app.example.com`. Default: none. */
  readonly origins?: readonly string[] | undefined
  /** Allows `'*'` as an origin: every page in every browser that reaches this host may then connect. Default false. */
  readonly insecure?: boolean | undefined
}

/** The origins of pages that may connect. What is no browser sends none, and is not concerned. */
export class Origins {
  readonly #allowed: ReadonlySet<string>

  /** @throws TidingsError `INVALID_OPTION` */
  constructor({ origins = [], insecure = false }: OriginRules) {
    for (const origin of origins) checkOrigin(origin, insecure)
    this.#allowed = new Set(origins)
  }

  allows(origin: string | undefined): boolean {
    return origin === undefined || this.#allowed.has('*') || this.#allowed.has(origin)
  }
}

/** @throws TidingsError `INVALID_OPTION` */
export function checkOrigin(origin: string, insecure: boolean): void {
  if (origin === '*') {
    if (insecure) return
    throw new TidingsError('INVALID_OPTION', 'The origin "*" lets every page in, and needs "insecure: true".')
  }
  const url = URL.canParse(origin) ? new URL(origin) : undefined
  const isWeb = url?.protocol === 'http:' || url?.protocol === 'https:'
  // The page of an app or an extension has an origin that URLs do not know: `capacitor://localhost`.
  if (isWeb ? url.origin === origin && !origin.includes('*') : /^[a-z][a-z0-9+.-]*:\/\/[^/?#*\s]+$/.test(origin)) return
  throw new TidingsError('INVALID_OPTION', `${JSON.stringify(origin)} is no origin.`, {
    hint:
      isWeb && !origin.includes('*')
        ? `Write ${url.origin}.`
        : 'Write it as browsers send it: https://app.example.com.',
  })
}
