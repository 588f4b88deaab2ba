import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installDebian } from './debian.ts'
import { eventually } from './eventually.ts'
import { freePort } from './redis-server.ts'

const folder = fileURLToPath(new URL('../../deploy', import.meta.url))

/** A reverse proxy with the configuration of `deploy/`, but for its ports and certificate. */
export interface Proxy {
  readonly port: number
  close(): Promise<void>
}

interface Kind {
  readonly path: string
  readonly packageName: string
  readonly file: string
  /** The whole configuration, made of that of `deploy/`. */
  configure(text: string, port: number, dir: string): string
  readonly args: (file: string, dir: string) => readonly string[]
}

export const PROXIES: Readonly<Record<'nginx' | 'Caddy', Kind>> = {
  nginx: {
    path: '/usr/sbin/nginx',
    packageName: 'nginx-light',
    file: 'nginx.conf',
    configure: (text, port, dir) => {
      const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
        (name) => `${name}_temp_path ${dir}/${name};`,
      )
      const site = text.replace(/listen [^;]+;/, `listen 127.0.0.1:${port};`).replaceAll(/^\s*ssl_.*$/gm, '')
      return `daemon off; pid ${dir}/pid; events {} http { access_log off; ${paths.join(' ')}\n${site}}`
    },
    args: (file, dir) => ['-p', dir, '-c', file, '-e', join(dir, 'error.log')],
  },
  Caddy: {
    path: '/usr/bin/caddy',
    packageName: 'caddy',
    file: 'Caddyfile',
    configure: (text, port) =>
      `{\n\tadmin off\n\tgrace_period 1s\n}\n${text.replace('live.example.com {', `http://127.0.0.1:${port} {`)}`,
    args: (file) => ['run', '--adapter', 'caddyfile', '--config', file],
  },
}

/** Starts one in front of the nodes, which take the place of those in the file. Installs it where it is missing. */
export async function startProxy(name: keyof typeof PROXIES, nodes: readonly number[]): Promise<Proxy> {
  const kind = PROXIES[name]
  if (!existsSync(kind.path)) installDebian([kind.packageName], `A test runs a gateway behind ${name}.`)
  const dir = await mkdtemp(join(tmpdir(), 'tidings-proxy-'))
  const port = await freePort()
  const file = join(dir, kind.file)
  let text = readFileSync(join(folder, kind.file), 'utf8')
  for (const [index, node] of nodes.entries()) text = text.replace(`127.0.0.1:${8_001 + index}`, `127.0.0.1:${node}`)
  writeFileSync(file, kind.configure(text, port, dir))
  const env = { ...process.env, HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir }
  const child = spawn(kind.path, kind.args(file, dir), { stdio: ['ignore', 'pipe', 'pipe'], env })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (printed += data))
  const close = async () => {
    await end(child)
    await rm(dir, { recursive: true, force: true })
  }
  try {
    await eventually(async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended at once: ${printed}`)
      await fetch(`http://127.0.0.1:${port}/`)
    }, 15_000)
    return { port, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  await gone
}
