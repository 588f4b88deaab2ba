import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describeThrown } from '../../core/describe.ts'
import { TidingsError } from '../../core/errors.ts'

const runsTypeScript = Boolean((process.features as { readonly typescript?: unknown }).typescript)

const NAMES = ['ts', 'mts', 'js', 'mjs', 'json'].map((ending) => `tidings.config.${ending}`)

/**
 * The configuration's file in a directory; undefined where there is none.
 * @throws TidingsError `INVALID_OPTION` where there are several
 */
export function findConfigFile(directory: string): string | undefined {
  const found = NAMES.filter((name) => existsSync(resolve(directory, name)))
  if (found.length > 1) {
    throw invalid(`There are ${found.join(' and ')}: nobody knows which is meant. Keep one, or say --config <file>.`)
  }
  return found[0] === undefined ? undefined : resolve(directory, found[0])
}

/** What a file has: the JSON, or the default export of a module. @throws TidingsError `INVALID_OPTION` */
export async function readConfigFile(file: string): Promise<unknown> {
  const name = basename(file)
  if (!existsSync(file)) throw invalid(`There is no ${file}.`)
  if (extname(file) === '.json') {
    try {
      return JSON.parse(await readFile(file, 'utf8'))
    } catch {
      // What the parser says quotes the file, and the file may hold a secret.
      throw invalid(`${name} is not JSON.`)
    }
  }
  const isTypeScript = /\.[mc]?ts$/.test(name)
  if (isTypeScript && !runsTypeScript) {
    throw invalid(
      `${name} is TypeScript, which Node ${process.versions.node} does not run. Use Node 22.18 or newer, or write it as tidings.config.mjs.`,
    )
  }
  let module: { readonly default?: unknown }
  try {
    module = (await import(pathToFileURL(resolve(file)).href)) as { readonly default?: unknown }
  } catch (cause) {
    const isScript = cause instanceof SyntaxError && /\.[jt]s$/.test(name)
    throw new TidingsError('INVALID_OPTION', `${name} cannot be run: ${describeThrown(cause)}.`, {
      cause,
      // In a package of type commonjs, and in none, `export` is a mistake to Node.
      ...(isScript && { hint: `If it is a module, name it ${name.replace(/([jt]s)$/, 'm$1')}.` }),
    })
  }
  if (module.default === undefined) throw invalid(`${name} has no default export.`)
  return module.default
}

function invalid(message: string): TidingsError {
  return new TidingsError('INVALID_OPTION', message)
}
