import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')
const TYPES = join(ROOT, 'test/types')

function compile(project: string): { status: number | null; output: string } {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const { status, stdout, stderr } = spawnSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

/** Compiles one file of the given text as the type tests are compiled. */
function compileText(text: string): { status: number | null; output: string } {
  const dir = mkdtempSync(join(tmpdir(), 'tidings-types-'))
  try {
    writeFileSync(join(dir, 'package.json'), '{ "type": "module" }')
    writeFileSync(
      join(dir, 'tsconfig.json'),
      JSON.stringify({
        extends: join(TYPES, 'tsconfig.json'),
        compilerOptions: { typeRoots: [join(ROOT, 'node_modules/@types')], rewriteRelativeImportExtensions: false },
        include: ['*.ts'],
      }),
    )
    const at = (path: string) => JSON.stringify(join(ROOT, path))
    const imports = `import { EventBus } from ${at('src/index.ts')}\nimport { typeOf } from ${at('test/types/type-of.ts')}\n`
    writeFileSync(join(dir, 'text.ts'), imports + text)
    return compile(dir)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

const BUS = 'const bus = new EventBus<{ a: number; b: string }>()\ntypeOf(bus.channelPrefix).is<string>()\n'

describe('the types', () => {
  it('are what the type tests say', { timeout: 60_000 }, () => {
    expect(compile(TYPES)).toEqual({ status: 0, output: '' })
  })

  it('let a right program compile', { timeout: 60_000 }, () => {
    expect(compileText(`${BUS}bus.emit('a', 1)`)).toEqual({ status: 0, output: '' })
  })

  it.each([
    ['an unknown event type', "bus.emit('c', 1)", 'TS2345'],
    ['data of another event type', "bus.emit('b', 1)", 'TS2345'],
    ['an expectation that does not hold', "bus.on('a', (event) => typeOf(event.data).is<string>())", 'TS2554'],
    ['an expected error that does not come', "// @ts-expect-error\nbus.emit('a', 1)", 'TS2578'],
  ])('refuse %s', { timeout: 60_000 }, (_what, line, code) => {
    const { status, output } = compileText(BUS + line)
    expect(output).toContain(code)
    expect(status).not.toBe(0)
  })
})
