// Puts the start page together: its program, with the client, becomes one file beside the files that are as they are.
// Usage: node scripts/page.mjs [folder]; without one, where the package has it.
import { copyFileSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const from = fileURLToPath(new URL('../src/gateway/page/', import.meta.url))
const to = process.argv[2] ?? fileURLToPath(new URL('../dist/gateway/page/', import.meta.url))

mkdirSync(to, { recursive: true })
for (const name of ['index.html', 'page.css', 'icon.svg']) copyFileSync(`${from}/${name}`, `${to}/${name}`)
await build({
  entryPoints: [`${from}/page.ts`],
  outfile: `${to}/page.js`,
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  minify: true,
  legalComments: 'none',
  logLevel: 'warning',
})
