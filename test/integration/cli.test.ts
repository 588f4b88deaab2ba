import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createProgram } from '../../src/cli/program.ts'
import { EventBus } from '../../src/messaging/event-bus.ts'
import { type CliOptions, type CliResult, CliRun, killRuns, runCli, startCli } from '../support/cli.ts'
import { eventually } from '../support/eventually.ts'
import { freePort, RedisServer } from '../support/redis-server.ts'

let server: RedisServer

beforeAll(async () => {
  server = await RedisServer.start()
})
afterEach(killRuns)
afterAll(() => server.stopWithoutLeaks())

const here = (options: CliOptions = {}): CliOptions => ({ ...options, env: { REDIS_URL: server.url, ...options.env } })
const run = (args: readonly string[], options?: CliOptions): Promise<CliResult> => runCli(args, here(options))
const start = (args: readonly string[], options?: CliOptions): CliRun => startCli(args, here(options))
const redisCli = (args: readonly string[], options?: CliOptions): CliRun =>
  new CliRun(['redis-cli', '-p', String(server.port), ...args], options)

const lines = (text: string): unknown[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

/** Bytes that a terminal must not get as they are, and that no text encoding can carry. */
const HOSTILE = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
const TRICKS = [
  '',
  'plain',
  'é 漢',
  '"quoted" \\back',
  '\u001b[31mred\u001b]0;title\u0007',
  'a\nb\r\tc\b',
  '\u009b31m\u202e',
]

/** Has both listen, publishes the same to both, and gives what each showed once all was there. */
async function sideBySide(
  args: readonly string[],
  channels: readonly string[],
  { terminal, times = 1 }: { terminal: boolean; times?: number },
) {
  const theirs = redisCli(args, { terminal })
  const ours = start([...args], { terminal })
  const standing = terminal ? `(integer) ${args.length - 1}` : `\n${args.length - 1}\n`
  await Promise.all([theirs.shows(standing), ours.shows(standing)])
  for (const channel of channels) {
    for (const message of [HOSTILE, ...TRICKS, 'that was all']) await server.admin.publish(channel, message)
  }
  const size = (one: CliRun) => one.bytes.toString('latin1').split('that was all').length - 1
  await eventually(() => expect([size(theirs), size(ours)]).toEqual([channels.length * times, channels.length * times]))
  const shown = { theirs: theirs.bytes.toString('latin1'), ours: ours.bytes.toString('latin1') }
  theirs.child.kill('SIGKILL')
  if (terminal) ours.type('\u0003')
  else ours.signal('SIGINT')
  const { code } = await ours.end()
  return { ...shown, code }
}

describe('the command line as such', () => {
  it('tells its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
    const { stdout, code } = await run(['--version'])
    expect([stdout, code]).toEqual([`${version}\n`, 0])
  })

  it('has each of its commands and options explained in docs/cli.md', () => {
    const page = readFileSync('docs/cli.md', 'utf8')
    const { commands, options } = createProgram()
    for (const command of commands) expect(page).toContain(`| [\`${command.name()}`)
    for (const { long } of [...options, ...commands.flatMap((command) => command.options)]) {
      if (long !== '--version') expect(page).toContain(`${long}`)
    }
  })

  it('shows commands and exit codes in --help', async () => {
    const { stdout, code } = await run(['--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('Exit codes:')
    for (const command of createProgram().commands) expect(stdout).toContain(command.name())
  })

  it.each(createProgram().commands.map((command) => command.name()))('%s --help has examples', (name) => {
    const program = createProgram()
    let help = ''
    const command = program.commands.find((one) => one.name() === name)
    command?.configureOutput({ writeOut: (text) => (help += text) })
    expect(() => program.parse(['node', 'tidings', name, '--help'])).toThrow()
    expect(help).toMatch(new RegExp(`Examples:\n  \\$ .*tidings ${name}`))
    expect(help).toContain('--redis <url>')
    expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
  })

  it.each([
    [[], 'Usage: tidings'],
    [['nosuch'], "unknown command 'nosuch'"],
    [['publish', 'a'], "missing required argument 'message'"],
    [['subscribe', 'a', '--count', '0'], 'whole number from 1'],
    [['demo', '--seconds', '9999999'], 'from 1 to 2147483'],
    [['subscribe', 'a', '--nosuch'], "unknown option '--nosuch'"],
    [['emit', 'a', '{oops'], 'The data is not JSON'],
    [['emit', 'a', '-'], 'The data is not JSON'],
    [['publish', '', 'a'], 'A channel must not be empty'],
    [['publish', 'a', 'b', '--redis', 'http://:hush@host'], 'The Redis URL cannot be read'],
    [['nosuch\u001b[31m'], 'nosuch\\u001b[31m'],
  ])('ends with 2 and a word on stderr for %j', async (args, says) => {
    const { code, stderr, stdout } = await run(args)
    expect(stderr).toContain(says)
    expect(stderr).not.toContain('hush')
    expect([code, stdout]).toEqual([2, ''])
  })

  it('takes --redis and --json before and after the command, and --redis before REDIS_URL', async () => {
    const elsewhere = { env: { REDIS_URL: 'redis://127.0.0.1:1' } }
    const before = await run(['--redis', server.url, '--json', 'numpat'], elsewhere)
    const after = await run(['numpat', '--redis', server.url, '--json'], elsewhere)
    expect([before.stdout, after.stdout]).toEqual(['{"patterns":0}\n', '{"patterns":0}\n'])
  })
})

describe('publish', () => {
  it('prints the receivers in all three forms', async () => {
    expect((await run(['publish', 'nobody', 'hi'])).stdout).toBe('0\n')
    expect((await run(['publish', 'nobody', 'hi'], { terminal: true })).stdout).toBe('(integer) 0\r\n')
    expect((await run(['publish', 'nobody', 'hi', '--json'])).stdout).toBe('{"channel":"nobody","receivers":0}\n')
  })

  it('sends stdin byte for byte, and a message that begins with a dash after --', async () => {
    const received: Buffer[] = []
    const subscriber = server.admin.duplicate()
    subscriber.on('messageBuffer', (_channel, message) => received.push(message))
    await subscriber.subscribe('bytes')
    for (const input of [HOSTILE, 'a line\n', '']) {
      expect((await run(['publish', 'bytes', '-'], { input })).stdout).toBe('1\n')
    }
    await run(['publish', 'bytes', '--', '-5'])
    await eventually(() => expect(received.map(String).slice(1)).toEqual(['a line\n', '', '-5']))
    expect(received[0]!.equals(HOSTILE)).toBe(true)
    subscriber.disconnect()
  })

  it('refuses what is too long, and says how to allow it', async () => {
    const input = 'x'.repeat(70_000)
    const refused = await run(['publish', 'a', '-'], { input })
    expect([refused.code, refused.stderr]).toEqual([
      1,
      'tidings: The message has 70000 bytes; the limit is 65536. Nothing was sent. Allow more with --max-bytes.\n',
    ])
    expect((await run(['publish', 'a', '-', '--max-bytes', '70000'], { input })).stdout).toBe('0\n')
  })
})

describe('subscribe and psubscribe', () => {
  it('show on a terminal exactly what redis-cli shows', async () => {
    const { ours, theirs, code } = await sideBySide(['subscribe', 'one', 'zwei é'], ['one', 'zwei é'], {
      terminal: true,
    })
    expect(ours).toBe(theirs)
    expect(code).toBe(0)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(ours).not.toMatch(/[\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f-\uffff]/)
  })

  it('show on a terminal exactly what redis-cli shows, by pattern', async () => {
    const { ours, theirs, code } = await sideBySide(['psubscribe', 'one*', 'é[a-z]'], ['one', 'one1', 'éa'], {
      terminal: true,
    })
    expect(ours).toBe(theirs)
    expect(code).toBe(0)
  })

  it('give a pipe exactly what redis-cli gives it', async () => {
    const one = await sideBySide(['subscribe', 'one', 'two'], ['one', 'two'], { terminal: false })
    expect(one.ours).toBe(one.theirs)
    const both = ['psubscribe', '*', 'one*']
    const two = await sideBySide(both, ['one1'], { terminal: false, times: 2 })
    expect(two.ours).toBe(two.theirs)
  })

  it('confirm a repeated channel as redis-cli does, and print its messages once', async () => {
    const ours = start(['subscribe', 'same', 'same', '--count', '1'])
    await ours.shows('subscribe\nsame\n1\nsubscribe\nsame\n1\n')
    await server.admin.publish('same', 'once')
    const { stdout } = await ours.end()
    expect(stdout).toBe('subscribe\nsame\n1\nsubscribe\nsame\n1\nmessage\nsame\nonce\n')
  })

  it('print JSON lines, with base64 for what is no text, and end after --count', async () => {
    const ours = start(['subscribe', 'json', '--json', '--count', '3'])
    await ours.shows('"subscriptions":1')
    await server.admin.publish('json', HOSTILE)
    await server.admin.publish('json', '\u009b31m "é" \u202e\n')
    await server.admin.publish('json', '\ufeff{"a":1}')
    await server.admin.publish('json', 'one too many')
    const { stdout, code } = await ours.end()
    expect(code).toBe(0)
    expect(lines(stdout)).toEqual([
      { kind: 'subscribe', channel: 'json', subscriptions: 1 },
      { kind: 'message', channel: 'json', message: { base64: HOSTILE.toString('base64') } },
      { kind: 'message', channel: 'json', message: '\u009b31m "é" \u202e\n' },
      { kind: 'message', channel: 'json', message: '\ufeff{"a":1}' },
    ])
    expect(stdout).not.toMatch(/[\u007f-\u009f\u202e]/)
  })

  it('print JSON lines for patterns', async () => {
    const ours = start(['psubscribe', 'json:*', '--json', '--count', '1'])
    await ours.shows('"subscriptions":1')
    await server.admin.publish('json:a', 'hi')
    expect(lines((await ours.end()).stdout)).toEqual([
      { kind: 'psubscribe', pattern: 'json:*', subscriptions: 1 },
      { kind: 'pmessage', pattern: 'json:*', channel: 'json:a', message: 'hi' },
    ])
  })
})

describe('ending', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('%s ends a subscribe with 0 and closes its connections', async (signal) => {
    const ours = start(['subscribe', 'ending'])
    await ours.shows('subscribe\nending')
    const signalledAt = performance.now()
    ours.signal(signal)
    const { code, stderr } = await ours.end()
    expect([code, stderr]).toEqual([0, ''])
    expect(performance.now() - signalledAt).toBeLessThan(1_000)
    expect(await server.clients()).toEqual([])
  })

  it('Ctrl-C ends it within a second also while Redis hangs', async () => {
    const ours = start(['subscribe', 'ending'])
    await ours.shows('subscribe\nending')
    server.pause()
    const signalledAt = performance.now()
    ours.signal('SIGINT')
    const { code } = await ours.end()
    server.resume()
    expect(code).toBe(0)
    expect(performance.now() - signalledAt).toBeLessThan(1_300)
  })

  it('a second Ctrl-C ends it at once, while the first still waits for a reader', async () => {
    const ours = start(['subscribe', 'slow'])
    await ours.shows('subscribe\nslow')
    ours.child.stdout!.pause()
    await server.admin.publish('slow', 'x'.repeat(5_000_000))
    await eventually(() => expect(ours.child.stdout!.readableLength).toBeGreaterThan(0))
    const signalledAt = performance.now()
    ours.signal('SIGINT')
    await delay(400)
    expect(ours.child.exitCode).toBeNull()
    ours.signal('SIGINT')
    await once(ours.child, 'exit')
    expect(ours.child.exitCode).toBe(130)
    expect(performance.now() - signalledAt).toBeLessThan(900)
    ours.child.stdout!.resume()
    await ours.end()
  })

  it('a reader that goes away (| head -1) ends it quietly', async () => {
    const ours = start(['subscribe', 'piped'])
    await ours.shows('subscribe\npiped')
    ours.child.stdout!.destroy()
    await eventually(async () => {
      await server.admin.publish('piped', 'x'.repeat(1_000))
      expect(ours.child.exitCode).not.toBeNull()
    })
    expect([ours.child.exitCode, ours.stderr]).toEqual([0, ''])
  })

  it('a reader that does not read ends it with an error instead of filling memory', async () => {
    const patient = await RedisServer.start()
    await patient.admin.config('SET', 'client-output-buffer-limit', 'pubsub 0 0 0')
    const ours = startCli(['subscribe', 'flood'], { env: { REDIS_URL: patient.url } })
    await ours.shows('subscribe\nflood')
    ours.child.stdout!.pause()
    const message = 'x'.repeat(1_000_000)
    for (let sent = 0; sent < 80; sent += 1) await patient.admin.publish('flood', message)
    await ours.shows('too slow', 'stderr')
    ours.child.stdout!.resume()
    expect((await ours.end()).code).toBe(1)
    await patient.stopWithoutLeaks()
  })
})

describe('while Redis is away', () => {
  it('one line says where it was expected and what to do', async () => {
    const port = await freePort()
    const away = { env: { REDIS_URL: `redis://user:hush@127.0.0.1:${port}` } }
    const commands = [['publish', 'a', 'b'], ['subscribe', 'a'], ['stats', '--watch'], ['request', 'a'], ['demo']]
    // Five programs start at once, and that takes as long as the machine wants: the limit is for what comes after it.
    const starts = await Promise.all(commands.map(() => run(['--version'])))
    const startMs = Math.max(...starts.map(({ tookMs }) => tookMs))
    const results = await Promise.all(commands.map(async (args) => ({ args, ...(await run(args, away)) })))
    for (const { args, code, stdout, stderr, tookMs } of results) {
      expect([args, code, stdout]).toEqual([args, 1, ''])
      expect(stderr).toBe(
        `tidings: Redis at 127.0.0.1:${port} does not answer (ECONNREFUSED). Start it, or say where it is with --redis <url> or REDIS_URL.\n`,
      )
      expect(tookMs - startMs).toBeLessThan(5_000)
    }
  })

  it('a Redis that hangs is given up within 5 s', async () => {
    const hanging = await RedisServer.start()
    hanging.pause()
    const { code, stderr, tookMs } = await run(['numpat'], { env: { REDIS_URL: hanging.url } })
    hanging.resume()
    await hanging.stopWithoutLeaks()
    expect(stderr).toMatch(/^tidings: Redis at 127\.0\.0\.1:\d+ does not answer.*\n$/)
    expect(code).toBe(1)
    expect(tookMs).toBeLessThan(5_500)
  })

  it('a wrong password is named as such, and not shown', async () => {
    const guarded = await RedisServer.start({ password: 'right' })
    const url = `redis://:hush%21@127.0.0.1:${guarded.port}`
    for (const args of [
      ['subscribe', 'a'],
      ['publish', 'a', 'b'],
      ['numpat', '--redis', url],
    ]) {
      const { code, stdout, stderr, tookMs } = await run(args, { env: { REDIS_URL: url } })
      expect(stderr).toBe(
        `tidings: Redis at 127.0.0.1:${guarded.port} refused the user name or password. Set them in REDIS_URL: redis://user:password@host:port.\n`,
      )
      expect([code, stdout]).toEqual([1, ''])
      expect(tookMs).toBeLessThan(5_000)
    }
    const missing = await run(['numpat'], { env: { REDIS_URL: guarded.url } })
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('refused the user name or password')])
    const right = await run(['numpat'], { env: { REDIS_URL: `redis://:right@127.0.0.1:${guarded.port}` } })
    expect([right.code, right.stdout]).toEqual([0, '0\n'])
    await guarded.stopWithoutLeaks()
  })

  it('a subscribe says when the connection is lost and when it is back, and goes on', async () => {
    const fragile = await RedisServer.start()
    const ours = startCli(['subscribe', 'news', '--count', '2'], { env: { REDIS_URL: fragile.url } })
    await ours.shows('subscribe\nnews')
    await fragile.admin.publish('news', 'before')
    await ours.shows('before')
    await fragile.kill()
    await ours.shows('lost, reconnecting…\n', 'stderr')
    await fragile.restart()
    await ours.shows('connected again after', 'stderr')
    await fragile.admin.publish('news', 'after')
    const { code, stdout, stderr } = await ours.end()
    expect([code, stdout]).toEqual([0, 'subscribe\nnews\n1\nmessage\nnews\nbefore\nmessage\nnews\nafter\n'])
    expect(stderr.split('\n')).toEqual([
      `tidings: connection to 127.0.0.1:${fragile.port} lost, reconnecting…`,
      expect.stringMatching(/^tidings: connected again after \d+\.\d s; what was published meanwhile is gone$/),
      '',
    ])
    await fragile.stopWithoutLeaks()
  })
})

describe('events', () => {
  it('emit and on speak of the same events as an EventBus', async () => {
    await using bus = new EventBus({ redis: server.url })
    const seen: unknown[] = []
    await bus.on('order.created', (event) => seen.push(event.data))
    const ours = start(['on', 'order.created', '--count', '2', '--json'])
    await ours.shows('"subscriptions":1')
    expect((await run(['emit', 'order.created', '{"id": 1}', '--json'])).stdout).toBe(
      '{"type":"order.created","receivers":2}\n',
    )
    await bus.emit('order.created', '\u001b[2J')
    const timestamp = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(lines((await ours.end()).stdout)).toEqual([
      { kind: 'subscribe', type: 'order.created', subscriptions: 1 },
      { kind: 'event', type: 'order.created', timestamp, data: { id: 1 } },
      { kind: 'event', type: 'order.created', timestamp, data: '\u001b[2J' },
    ])
    await eventually(() => expect(seen).toEqual([{ id: 1 }, '\u001b[2J']))
  })

  it('on --pattern shows each event with its type, on a terminal without raw control characters', async () => {
    const ours = start(['on', '--pattern', 'order.*', '--count', '1'], { terminal: true })
    await ours.shows('(integer) 1')
    await run(['emit', 'order.paid', '-'], { input: '{"note":"\\u001b[31m\u009b31m"}' })
    const { stdout, code } = await ours.end()
    expect(code).toBe(0)
    expect(stdout.replace(/"\d{4}-.*Z"/, '"now"').split('\r\n')).toEqual([
      'Reading messages... (press Ctrl-C to quit)',
      '1) "psubscribe"',
      '2) "order.*"',
      '3) (integer) 1',
      '1) "pevent"',
      '2) "order.*"',
      '3) "order.paid"',
      '4) "now"',
      '5) {"note":"\\u001b[31m\\u009b31m"}',
      '',
    ])
  })

  it('on gives a pipe one value a line', async () => {
    const ours = start(['on', 'order.paid', '--count', '1'])
    await ours.shows('subscribe\norder.paid\n1\n')
    await run(['emit', 'order.paid'])
    const { stdout } = await ours.end()
    expect(stdout.replace(/\d{4}-.*Z/, 'now')).toBe('subscribe\norder.paid\n1\nevent\norder.paid\nnow\nnull\n')
  })

  it('on says on stderr what is no event, and goes on; --prefix chooses the channels', async () => {
    const ours = start(['on', 'a', '--prefix', 'app:', '--count', '1'])
    await ours.shows('subscribe\na\n1\n')
    await server.admin.publish('app:a', 'no event')
    await run(['emit', 'a', '--prefix', 'app:'])
    const { code, stderr } = await ours.end()
    expect(code).toBe(0)
    expect(stderr).toMatch(/^tidings: [^\n]+\n$/)
  })

  it('request prints the reply, and ends with 1 where there is none', async () => {
    await using bus = new EventBus({ redis: server.url, onError: () => {} })
    await bus.reply('price.quote', ({ data }) => ({ price: 12.5, for: data }))
    await bus.reply('broken', () => {
      throw new Error('out of paper')
    })
    await bus.reply('slow', () => delay(500))
    const asked = ['request', 'price.quote', '{"item":"tea"}']
    const [raw, shown, json] = await Promise.all([
      run(asked),
      run(asked, { terminal: true }),
      run([...asked, '--json']),
    ])
    const reply = { price: 12.5, for: { item: 'tea' } }
    expect(raw.stdout).toBe(`${JSON.stringify(reply)}\n`)
    expect(shown.stdout).toBe(`${JSON.stringify(reply)}\r\n`)
    expect(lines(json.stdout)).toEqual([{ type: 'price.quote', data: reply }])
    const failing = [
      { args: ['request', 'nosuch'], says: 'Nobody replies to "nosuch"' },
      { args: ['request', 'broken'], says: 'out of paper' },
      { args: ['request', 'slow', '--timeout-ms', '100'], says: '100 ms' },
      { args: ['request', 'price.quote', '--namespace', 'other'], says: 'Nobody replies' },
    ]
    await Promise.all(
      failing.map(async ({ args, says }) => {
        const { code, stderr } = await run(args)
        expect([code, stderr]).toEqual([1, expect.stringContaining(says)])
        expect(stderr).toMatch(/^tidings: [^\n]+\n$/)
      }),
    )
  })
})

describe('looking at Redis', () => {
  it('channels, numsub and numpat show what redis-cli shows', async () => {
    const subscriber = server.admin.duplicate()
    await subscriber.subscribe('look"é')
    await subscriber.psubscribe('pattern:*')
    const asked = [['channels', 'look*'], ['channels', 'none*'], ['numsub', 'look"é', 'none'], ['numpat']]
    for (const terminal of [true, false]) {
      for (const args of asked) {
        const [theirs, ours] = await Promise.all([
          redisCli(['pubsub', ...args], { terminal }).end(),
          run(args, { terminal }),
        ])
        // For nothing at all redis-cli gives a pipe an empty line, which a script would take for a channel.
        const expected = !terminal && args[1] === 'none*' ? '' : theirs.stdout
        expect([args, ours.code, ours.stdout]).toEqual([args, 0, expected])
      }
    }
    expect((await run(['channels', '--json'])).stdout).toBe('{"channel":"look\\"é"}\n')
    expect((await run(['numsub', 'look"é', 'none', '--json'])).stdout).toBe(
      '{"channel":"look\\"é","subscribers":1}\n{"channel":"none","subscribers":0}\n',
    )
    subscriber.disconnect()
  })

  it('stats gives the overview once, or again and again with --watch', async () => {
    const one = server.admin.duplicate()
    const two = server.admin.duplicate()
    await one.subscribe('a', 'busy\u001b')
    await two.subscribe('busy\u001b')
    await two.psubscribe('x*')
    const text =
      /^\S+Z {2}channels 2 {2}subscribers 3 {2}patterns 1\n\nSUBSCRIBERS {2}CHANNEL\n {10}2 {2}busy\\u001b\n {10}1 {2}a\n/
    expect((await run(['stats'])).stdout).toMatch(text)
    const [overview] = lines((await run(['stats', 'b*', '--json'])).stdout)
    expect(overview).toEqual({
      takenAt: expect.any(String),
      subscribers: 2,
      patterns: 1,
      channels: [{ channel: 'busy\u001b', subscribers: 2 }],
    })
    const watching = start(['stats', '--watch', '--interval-ms', '20', '--json'])
    await eventually(() => expect(watching.stdout.split('\n').length).toBeGreaterThan(3))
    watching.signal('SIGINT')
    expect((await watching.end()).code).toBe(0)
    const onTerminal = start(['stats', '--watch'], { terminal: true })
    await onTerminal.shows('\u001b[H\u001b[2J')
    onTerminal.type('\u0003')
    expect((await onTerminal.end()).code).toBe(0)
    one.disconnect()
    two.disconnect()
  })

  it('stats --watch goes on when Redis has been away', async () => {
    const fragile = await RedisServer.start()
    const watching = startCli(['stats', '--watch', '--interval-ms', '20', '--json'], {
      env: { REDIS_URL: fragile.url },
    })
    await watching.shows('"patterns":0')
    await fragile.kill()
    await watching.shows('lost, reconnecting…\n', 'stderr')
    await fragile.restart()
    const before = watching.stdout.length
    await eventually(() => expect(watching.stdout.length).toBeGreaterThan(before))
    watching.signal('SIGTERM')
    expect((await watching.end()).code).toBe(0)
    await fragile.stopWithoutLeaks()
  })
})

describe('demo', () => {
  it('runs in memory without Redis, shows its story, and ends with counts', async () => {
    const { code, stdout, stderr, tookMs } = await runCli(['demo', '--seconds', '6'])
    expect([code, stderr]).toEqual([0, ''])
    expect(tookMs).toBeLessThan(8_000)
    expect(stdout).toContain('memory of this process')
    for (const text of [
      'emit order.created',
      'warehouse  packs',
      'audit      notes order.created',
      'dashboard  draws',
      'request price.quote',
      'the reply is {"price":',
      'mailer     threw "the mail server is down"; the others go on',
      'total must be a number',
      'emit order.shipped',
      'heard by                        warehouse',
    ]) {
      expect(stdout).toContain(text)
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: no colours outside a terminal
    expect(stdout).not.toMatch(/\u001b/)
  })

  it('ends on Ctrl-C with its counts, also when npm passes the signal on once more', async () => {
    const show = startCli(['demo'])
    await show.shows('warehouse  packs')
    show.signal('SIGINT')
    show.signal('SIGINT')
    const { code, stdout } = await show.end()
    expect(code).toBe(0)
    expect(stdout).toContain('Seen in')
  })

  it('runs on Redis where REDIS_URL names one, where others can read along', async () => {
    const reading = start(['psubscribe', 'tidings-demo:*', '--count', '1', '--json'])
    await reading.shows('"subscriptions":1')
    const show = start(['demo', '--seconds', '2'])
    const [, message] = lines((await reading.end()).stdout)
    expect(message).toMatchObject({ kind: 'pmessage', channel: 'tidings-demo:order.created' })
    const { code, stdout } = await show.end()
    expect(code).toBe(0)
    expect(stdout).toContain(`through Redis at 127.0.0.1:${server.port}`)
  })

  it('is coloured on a terminal, unless NO_COLOR is set', async () => {
    const args = ['demo', '--seconds', '1']
    const [coloured, plain] = await Promise.all([
      runCli(args, { terminal: true }),
      runCli(args, { terminal: true, env: { NO_COLOR: '1' } }),
    ])
    expect(coloured.stdout).toContain('\u001b[1m')
    expect(plain.stdout).not.toContain('\u001b')
  })

  it('is JSON lines with --json', async () => {
    const shown = lines((await runCli(['demo', '--seconds', '1', '--json'])).stdout)
    expect(shown[0]).toMatchObject({ kind: 'start' })
    expect(shown).toContainEqual({ kind: 'heard', by: 'warehouse', type: 'order.created' })
    expect(shown.at(-1)).toMatchObject({ kind: 'end', emitted: 1, heard: { warehouse: 1 } })
  })
})
