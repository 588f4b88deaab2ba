import { readFileSync } from 'node:fs'
import type { HttpRoute } from './http/route.ts'

/** The files of the start page, by path, and what they are. They are made by the build. */
const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
}

const HEADERS = {
  'content-security-policy': "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
}

/** The page on which a person sends events and notifications and sees them arrive. */
export function pageRoutes(): readonly HttpRoute[] {
  return Object.entries(FILES).map(([path, [file, type]]) => {
    const body = readFileSync(new URL(`./page/${file}`, import.meta.url))
    return { method: 'GET', path, handle: () => new Response(body, { headers: { ...HEADERS, 'content-type': type } }) }
  })
}
