// Compiles src/backends/redis/lua/*.lua to the one committed module that the package loads them from.
// A line `-- include <part>` stands for the file of that name; a part by itself makes no constant.
// `--check` compares instead of writing, and fails on a difference.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

const folder = new URL('../src/backends/redis/lua/', import.meta.url)
const target = new URL('../src/backends/redis/lua.generated.ts', import.meta.url)

const read = (name) =>
  readFileSync(new URL(name, folder), 'utf8').replace(/^-- include (\S+)$/gm, (_line, part) => read(part))

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
    return `/** lua/${name} */\nexport const ${constant}: string = ${JSON.stringify(strip(read(name)))}\n`
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
