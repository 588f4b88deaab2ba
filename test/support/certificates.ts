import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

export interface Certificates {
  readonly ca: string
  readonly certFile: string
  readonly keyFile: string
  readonly caFile: string
}

/**
 * A certificate authority of its own and a server's certificate for `name`, made by openssl in `dir`.
 * @param days how long the server's certificate is good; negative for one that has expired
 */
export function makeCertificates(dir: string, label: string, name: string, days = 2): Certificates {
  const file = (ending: string) => join(dir, `${label}.${ending}`)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  openssl(
    'req',
    '-x509',
    ...KEY,
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
    '-days',
    '2',
    '-subj',
    `/CN=${label}`,
  )
  openssl(
    'req',
    ...KEY,
    '-keyout',
    file('key'),
    '-out',
    file('csr'),
    '-subj',
    `/CN=${name}`,
    '-addext',
    `subjectAltName=${name}`,
  )
  openssl(
    ...['x509', '-req', '-in', file('csr'), '-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial'],
    ...['-out', file('pem'), '-days', String(days), '-copy_extensions', 'copyall'],
  )
  return {
    ca: readFileSync(file('ca.pem'), 'utf8'),
    certFile: file('pem'),
    keyFile: file('key'),
    caFile: file('ca.pem'),
  }
}
