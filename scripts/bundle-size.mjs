// What browsers and workers are given: the size of each bundle, and what is in it. With --json for programs.
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const ROOT = new URL('..', import.meta.url).pathname
const ENTRIES = { 'tidings/client': 'src/client/index.ts', 'tidings/http': 'src/http/index.ts' }

const bundles = {}
for (const [name, entry] of Object.entries(ENTRIES)) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    metafile: true,
    logLevel: 'silent',
  })
  const [{ contents, text }] = outputFiles
  const inputs = Object.keys(metafile.inputs)
  bundles[name] = { bytes: contents.length, gzipBytes: gzipSync(contents, { level: 9 }).length, inputs, text }
}

if (process.argv.includes('--json')) process.stdout.write(JSON.stringify(bundles))
else {
  for (const [name, { bytes, gzipBytes, inputs }] of Object.entries(bundles)) {
    const kilobytes = (count) => `${(count / 1024).toFixed(1)} KB`
    console.log(`${name}: ${kilobytes(bytes)}, gzipped ${kilobytes(gzipBytes)}`)
    for (const input of inputs) console.log(`  ${input}`)
  }
}
