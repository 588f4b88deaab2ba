import { type ApiKeys, apiKeyOf } from '../auth/api-keys.ts'
import { HttpFailure } from '../http/problem.ts'

/** @throws HttpFailure 401 */
export function assertApiKey(keys: ApiKeys, headers: Headers): void {
  const given = apiKeyOf(headers)
  if (keys.accepts(given)) return
  const detail = given === undefined ? 'This takes an API key.' : 'This API key is unknown.'
  throw new HttpFailure(401, 'Unauthorized', detail, 'API_KEY', { 'www-authenticate': 'apikey' })
}
