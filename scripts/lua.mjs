// Compiles src/backends/redis/lua/*.lua to the one committed module that the package loads them from.
// `--check` compares instead of writing, and fails on a difference.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

const folder = new URL('../src/backends/redis/lua/', import.meta.url)
const target = new URL('../src/backends/redis/lua.generated.ts', import.meta.url)

/** Comments and indentation are for readers here; Redis is sent the code. */
const strip = (lua) =>
  lua
    .split('\n')
    .map((line) => line.replace(/^\s*--.*$/, '').trim())
    .filter((line) => line !== '')
    .join('\n')

const scripts = readdirSync(folder)
  .filter((name) => name.endsWith('.lua'))
  .sort()
  .map((name) => {
    const constant = name
      .replace(/\.lua$/, '')
      .replaceAll('-', '_')
      .toUpperCase()
    return `/** lua/${name} */\nexport const ${constant}: string = ${JSON.stringify(strip(readFileSync(new URL(name, folder), 'utf8')))}\n`
  })
const text = `// Made from lua/*.lua by "npm run lua". Change those, not this.\n\n${scripts.join('\n')}`

if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text) {
    console.error('src/backends/redis/lua.generated.ts is not what lua/*.lua say. Run: npm run lua')
    process.exit(1)
  }
} else {
  writeFileSync(target, text)
}
