import { z } from 'zod'
import { describeThrown } from '../../core/describe.ts'
import { checkApiKey } from '../auth/api-keys.ts'
import { ChannelRules } from '../auth/channel-rules.ts'
import type { Authorize } from '../auth/jwt-gatekeeper.ts'
import { checkOrigin } from '../auth/origins.ts'
import { openSecret, openTokenKey, type TokenKey } from '../auth/token-key.ts'
import { DEFAULT_LIMITS, type GatewayLimits } from '../contract.ts'
import type { GatewayConfig } from './gateway-config.ts'

const text = z.string().min(1).optional()
const flag = z.boolean().optional()

const claimTest = z.strictObject({
  claim: z.string().min(1),
  equals: z.union([z.string(), z.number(), z.boolean()]).optional(),
  includes: z.union([z.string(), z.number()]).optional(),
})
const WHO = 'false, "anyone", "authenticated", or { claim, equals or includes }'
const who = z.union([z.literal(false), z.enum(['anyone', 'authenticated']), claimTest], {
  error: `must be ${WHO}`,
})
const whoSubscribes = z.union([z.literal(false), z.enum(['anyone', 'authenticated', 'token']), claimTest], {
  error: `must be "token", ${WHO}`,
})

const channelAccess = z.strictObject({
  subscribe: whoSubscribes.optional(),
  publish: who.optional(),
  history: who.optional(),
  presence: who.optional(),
  recover: flag,
  joinLeave: flag,
  slow: z.enum(['close', 'drop', 'skip']).optional(),
})

/** The rule of each pattern is looked at by itself, so that the pattern at fault is named. */
const channels = z.record(z.string(), channelAccess).superRefine((table, context) => {
  for (const [pattern, access] of Object.entries(table)) {
    attempt(context, [pattern], () => new ChannelRules({ [pattern]: access }))
  }
})

const scope = { kid: text, issuer: text }
const asymmetric = z.enum(['RS256', 'ES256', 'EdDSA'])
const key = z.union(
  [
    z.strictObject({ alg: z.literal('HS256'), secret: z.string(), ...scope }),
    z.strictObject({
      alg: asymmetric,
      publicKey: z.union([z.string(), z.record(z.string(), z.unknown())]),
      ...scope,
    }),
    z.strictObject({ alg: asymmetric, jwksUrl: z.string(), ...scope }),
  ],
  { error: ({ input }) => (lacksSecret(input) ? NO_SECRET : KEY_FORMS) },
)
const KEY_FORMS =
  'must be { alg: "HS256", secret }, or { alg: "RS256", "ES256" or "EdDSA", publicKey or jwksUrl }, with kid and issuer where wanted'
const NO_SECRET = 'the "secret" is undefined: is the environment variable set that it is taken from'

function lacksSecret(key: unknown): boolean {
  return typeof key === 'object' && key !== null && 'secret' in key && key.secret === undefined
}

const limit = z.int().min(1).optional()
const limits = z.strictObject(
  Object.fromEntries(Object.keys(DEFAULT_LIMITS).map((name) => [name, limit])) as Record<
    keyof GatewayLimits,
    typeof limit
  >,
)

/** The type and the check cannot part: each field that one knows the other knows. */
const fields = {
  redis: text,
  namespace: text,
  host: text,
  port: z.int().min(0).max(65_535).optional(),
  name: text,
  trustProxy: flag,
  tokenSecret: z.string().optional(),
  keys: z.array(key).optional(),
  issuer: text,
  audience: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).optional(),
  leewaySeconds: z.number().min(0).max(5).optional(),
  anonymous: flag,
  apiKeys: z.array(z.string()).optional(),
  origins: z.array(z.string()).optional(),
  insecure: flag,
  channels: channels.optional(),
  authorize: z.custom<Authorize>((value) => typeof value === 'function', 'must be a function').optional(),
  limits: limits.optional(),
} satisfies Record<keyof GatewayConfig, z.ZodType>

const schema = z
  .strictObject(fields)
  .superRefine(({ tokenSecret, keys, issuer, apiKeys, origins, insecure }, context) => {
    if (tokenSecret !== undefined) attempt(context, ['tokenSecret'], () => openSecret(tokenSecret))
    for (const [index, one] of (keys ?? []).entries()) {
      attempt(context, ['keys', index], () => openTokenKey(one as TokenKey, issuer))
    }
    for (const [index, one] of (apiKeys ?? []).entries()) attempt(context, ['apiKeys', index], () => checkApiKey(one))
    for (const [index, one] of (origins ?? []).entries()) {
      attempt(context, ['origins', index], () => checkOrigin(one, insecure === true))
    }
  })

export interface ConfigProblem {
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly unknown: boolean
}

/** What is wrong with a configuration: nothing where it is one. No message quotes a value that could be a secret. */
export function findProblems(value: unknown): readonly ConfigProblem[] {
  const { error } = schema.safeParse(value)
  return (error?.issues ?? []).flatMap((issue): ConfigProblem[] => {
    const { path } = issue
    if (issue.code !== 'unrecognized_keys') return [{ path, message: decapitalized(issue.message), unknown: false }]
    return issue.keys.map((name) => ({ path: [...path, name], message: 'there is no such field', unknown: true }))
  })
}

function attempt(context: z.RefinementCtx, path: PropertyKey[], check: () => void): void {
  try {
    check()
  } catch (error) {
    context.addIssue({ code: 'custom', path, message: describeThrown(error) })
  }
}

function decapitalized(message: string): string {
  return message.replace(/^Invalid input: /, '').replace(/\.$/, '')
}
