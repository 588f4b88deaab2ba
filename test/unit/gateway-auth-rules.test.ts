import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TidingsError } from '../../src/core/errors.ts'
import { assertUserId, encodeUserId } from '../../src/core/user-id.ts'
import { type ChannelAccessTable, ChannelRules } from '../../src/gateway/auth/channel-rules.ts'
import { JwtGatekeeper, type JwtGatekeeperOptions } from '../../src/gateway/auth/jwt-gatekeeper.ts'
import type { GatewayUser } from '../../src/gateway/contract.ts'

const seed = Math.floor(Math.random() * 2 ** 31)
console.log(`gateway-auth-rules: seed ${seed}`)

const user = (userId: string, claims: Record<string, unknown> = {}): GatewayUser => ({ userId, claims })
const NOBODY = user('')
const ALICE = user('alice')
const BOB = user('bob')

const may = (table: ChannelAccessTable, channel: string, who: GatewayUser): boolean =>
  new ChannelRules(table).allows('subscribe', channel, who)
const keeper = (options: Partial<JwtGatekeeperOptions>) => new JwtGatekeeper({ keys: [], anonymous: true, ...options })

describe('rules', () => {
  it('deny everything by default', () => {
    for (const table of [{}, { '*': {} }, { '*': { subscribe: false } }] satisfies ChannelAccessTable[]) {
      for (const action of ['subscribe', 'publish', 'history', 'presence'] as const) {
        expect(new ChannelRules(table).allows(action, 'news', ALICE)).toBe(false)
      }
    }
  })

  it('allow each action by itself', () => {
    const actions = ['subscribe', 'publish', 'history', 'presence'] as const
    for (const one of actions) {
      const rules = new ChannelRules({ news: { [one]: 'anyone' } })
      for (const other of actions) expect(rules.allows(other, 'news', NOBODY)).toBe(other === one)
    }
  })

  it('tell who may', () => {
    const table: ChannelAccessTable = {
      open: { subscribe: 'anyone' },
      members: { subscribe: 'authenticated' },
      ticketed: { subscribe: 'token' },
      staff: { subscribe: { claim: 'staff' } },
      admins: { subscribe: { claim: 'role', equals: 'admin' } },
      lobby: { subscribe: { claim: 'rooms', includes: 'lobby' } },
    }
    const all = (who: GatewayUser) => Object.keys(table).filter((channel) => may(table, channel, who))
    expect(all(NOBODY)).toEqual(['open'])
    expect(all(ALICE)).toEqual(['open', 'members'])
    expect(all(user('a', { staff: true, role: 'admin', rooms: ['x', 'lobby'] }))).toEqual([
      'open',
      'members',
      'staff',
      'admins',
      'lobby',
    ])
    for (const staff of [false, null, 0, '', []]) expect(all(user('a', { staff }))).toEqual(['open', 'members'])
    for (const claims of [
      { role: ['admin'] },
      { role: 'administrator' },
      { rooms: 'lobby' },
      { rooms: { lobby: 1 } },
    ]) {
      expect(all(user('a', claims))).toEqual(['open', 'members'])
    }
    // What every object has is no claim.
    expect(may({ x: { subscribe: { claim: 'constructor' } } }, 'x', ALICE)).toBe(false)
    expect(may({ x: { subscribe: { claim: '__proto__' } } }, 'x', ALICE)).toBe(false)
  })

  it('hold for a channel by the longest literal start, alone', () => {
    const table: ChannelAccessTable = {
      '*': { subscribe: 'anyone' },
      'news:*': { subscribe: 'authenticated' },
      'news:internal:*': { subscribe: false },
      'news:internal:menu': { subscribe: 'anyone' },
    }
    expect(may(table, 'other', NOBODY)).toBe(true)
    expect(may(table, 'news:a', NOBODY)).toBe(false)
    expect(may(table, 'news:a', ALICE)).toBe(true)
    expect(may(table, 'news:internal:a', ALICE)).toBe(false)
    expect(may(table, 'news:internal:menu', NOBODY)).toBe(true)
  })

  it('say how channels behave', () => {
    const rules = new ChannelRules({
      a: {},
      b: { recover: false, presence: 'authenticated', joinLeave: true, slow: 'skip' },
    })
    expect(rules.find('a')).toEqual({ recover: true, presence: false, joinLeave: false, slow: 'close' })
    expect(rules.find('b')).toEqual({ recover: false, presence: true, joinLeave: true, slow: 'skip' })
    expect(rules.find('c')).toBeUndefined()
  })
})

describe('a user’s own channels', () => {
  const table: ChannelAccessTable = {
    '*': { subscribe: 'anyone' },
    'user:{sub}': { subscribe: 'authenticated' },
    'user:{sub}:*': { subscribe: 'authenticated' },
    'room:{claim.rooms}': { subscribe: 'authenticated' },
    'team:{claim.team}:{sub}': { subscribe: 'authenticated' },
  }

  it('are nobody else’s, whatever a broader rule allows', () => {
    expect(may(table, 'user:alice', ALICE)).toBe(true)
    expect(may(table, 'user:alice:phone', ALICE)).toBe(true)
    for (const who of [BOB, NOBODY, user('*'), user('al?ce'), user('[a]lice'), user('alice:phone'), user('Alice')]) {
      expect([who.userId, may(table, 'user:alice', who)]).toEqual([who.userId, false])
      expect([who.userId, may(table, 'user:alice:phone', who)]).toEqual([who.userId, false])
    }
    expect(may(table, 'user:*', ALICE)).toBe(false)
  })

  it('are those of claims, one or several', () => {
    expect(may(table, 'room:a', user('x', { rooms: 'a' }))).toBe(true)
    expect(may(table, 'room:7', user('x', { rooms: ['a', 7] }))).toBe(true)
    expect(may(table, 'room:b', user('x', { rooms: ['a', 7] }))).toBe(false)
    for (const rooms of [undefined, null, '*', [], [['a']], {}, true]) {
      expect(may(table, 'room:a', user('x', { rooms }))).toBe(false)
    }
    expect(may(table, 'team:red:x', user('x', { team: 'red' }))).toBe(true)
    expect(may(table, 'team:red:y', user('x', { team: 'red' }))).toBe(false)
    expect(may(table, 'team:a:b:c', user('c', { team: 'a:b' }))).toBe(false)
  })

  it.each([
    ['user:{id}', 'braces'],
    ['user:{sub', 'braces'],
    ['user:{}', 'braces'],
    ['user:{sub}*', 'does not end at a colon'],
    ['{sub}{claim.x}', 'does not begin at a colon'],
    ['*{sub}', 'does not begin at a colon'],
    ['user:*x{sub}', 'does not begin at a colon'],
    ['{sub}:x{claim.y}', 'does not begin at a colon'],
    ['user:[{sub}]', 'may have no'],
    ['user:\\{sub}', 'may have no'],
    ['', 'must not be empty'],
  ])('cannot be written so that they could be another’s: %s', (pattern, why) => {
    const error = (() => {
      try {
        return new ChannelRules({ [pattern]: { subscribe: 'anyone' } })
      } catch (thrown) {
        return thrown as TidingsError
      }
    })() as TidingsError
    expect(error.code).toBe('INVALID_OPTION')
    expect(error.message).toContain(why)
  })

  it('match for no other of 100,000 users at random', () => {
    const rules = new ChannelRules({
      'user:{sub}': { subscribe: 'authenticated' },
      'user:{sub}:*': { subscribe: 'authenticated' },
      'of:{claim.team}:{sub}': { subscribe: 'authenticated' },
      '*:by:{sub}': { subscribe: 'authenticated' },
    })
    // Few letters, so that one is often a part, a start or a relative of another.
    const id = fc
      .oneof(
        fc
          .array(fc.constantFrom('a', 'b', ':', '*', '?', '[', ']', '^', '\\', '%', '3', 'A', '-', 'é', '/'), {
            minLength: 1,
            maxLength: 5,
          })
          .map((parts) => parts.join('')),
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
        fc.constantFrom('__proto__', 'constructor', '%2A', '*', 'by', 'user', 'a:by:b'),
      )
      .filter((text) => {
        try {
          assertUserId(text)
          return true
        } catch {
          return false
        }
      })
    let reads = 0
    fc.assert(
      fc.property(id, id, id, (mine, other, team) => {
        const own = encodeUserId(mine)
        const theirs = encodeUserId(other)
        const me = user(mine, { team })
        const channels = (name: string) => [
          `user:${name}`,
          `user:${name}:x`,
          `of:${encodeUserId(team)}:${name}`,
          `x:by:${name}`,
        ]
        for (const channel of channels(own)) {
          if (!rules.allows('subscribe', channel, me)) throw new Error(`${mine} may not have ${channel}`)
        }
        if (mine === other) return
        // As it is encoded, and as somebody would write it who knows nothing of that.
        for (const channel of channels(theirs)) {
          reads += 1
          if (rules.allows('subscribe', channel, me)) throw new Error(`${mine} may have ${channel}`)
        }
        const written = `user:${other}`
        if (
          rules.allows('subscribe', written, me) &&
          !written.startsWith(`user:${own}:`) &&
          written !== `user:${own}`
        ) {
          if (!(written.includes(':by:') && written.endsWith(`:by:${own}`)))
            throw new Error(`${mine} may have ${written}`)
        }
      }),
      { seed, numRuns: 100_000 },
    )
    expect(reads).toBeGreaterThan(300_000)
  }, 120_000)
})

describe('the gatekeeper', () => {
  it('takes no patterns and no names that could be more than a name', async () => {
    const one = keeper({ channels: { '*': { subscribe: 'anyone', publish: 'anyone' } } })
    expect(await one.allows('subscribe', 'order.created:7@x_Y-z', NOBODY)).toBe(true)
    for (const name of [
      '*',
      'a*',
      'a?',
      '[a-z]',
      '\\*',
      '{tag}',
      'a{b}c',
      'a\nb',
      'a\0b',
      'a b',
      'é',
      '',
      'a/b',
      '#inbox',
    ]) {
      expect([name, await one.allows('subscribe', name, NOBODY)]).toEqual([name, false])
    }
  })

  it('gives out nothing that Tidings uses for itself', async () => {
    const one = keeper({
      channels: { '*': { subscribe: 'anyone' }, 'notifications:*': { subscribe: 'anyone' } },
      authorize: () => true,
    })
    for (const name of ['tidings:joins:x', 'tidings:request:x', 'notifications:user:bob', 'notifications:broadcast']) {
      expect([name, await one.allows('subscribe', name, NOBODY), one.rule(name)]).toEqual([name, false, undefined])
    }
    expect(await one.allows('subscribe', 'tidings', NOBODY)).toBe(true)
    const other = keeper({ channels: { '*': { subscribe: 'anyone' } }, reserved: ['mine:'] })
    expect(await other.allows('subscribe', 'mine:x', NOBODY)).toBe(false)
  })

  it('asks the program first', async () => {
    const asked: unknown[] = []
    const words: Record<string, boolean | undefined> = { yes: true, no: false }
    const one = keeper({
      channels: { '*': { subscribe: 'authenticated' } },
      authorize: async (context) => {
        asked.push(context)
        return words[context.channel]
      },
    })
    expect(await one.allows('subscribe', 'yes', NOBODY)).toBe(true)
    expect(await one.allows('publish', 'yes', NOBODY)).toBe(true)
    expect(await one.allows('subscribe', 'no', ALICE)).toBe(false)
    expect(await one.allows('subscribe', 'else', ALICE)).toBe(true)
    expect(await one.allows('subscribe', 'else', NOBODY)).toBe(false)
    expect(asked[0]).toEqual({ action: 'subscribe', channel: 'yes', user: NOBODY })
    const odd = keeper({ authorize: (() => 'yes') as never })
    expect(await odd.allows('subscribe', 'x', ALICE)).toBe(false)
  })

  it('denies what the program cannot answer, and reports it', async () => {
    const reports: TidingsError[] = []
    for (const authorize of [
      () => {
        throw new Error('broken')
      },
      () => Promise.reject(new Error('broken')),
    ]) {
      const one = keeper({
        channels: { '*': { subscribe: 'anyone' } },
        authorize,
        onError: (error) => reports.push(error),
      })
      expect(await one.allows('subscribe', 'x', ALICE)).toBe(false)
    }
    expect(reports.map(({ code, cause }) => [code, String(cause)])).toEqual([
      ['HANDLER_FAILED', 'Error: broken'],
      ['HANDLER_FAILED', 'Error: broken'],
    ])
  })
})

describe('origins', () => {
  it('are allowed exactly as listed', () => {
    const one = keeper({ origins: ['https://app.example.com', 'http://localhost:3000', 'capacitor://localhost'] })
    for (const origin of ['https://app.example.com', 'http://localhost:3000', 'capacitor://localhost', undefined]) {
      expect([origin, one.allowsOrigin(origin)]).toEqual([origin, true])
    }
    for (const origin of [
      'http://app.example.com',
      'https://app.example.com:444',
      'https://app.example.com.evil.com',
      'https://evil.com/https://app.example.com',
      'https://xapp.example.com',
      'https://APP.example.com',
      'https://app.example.com/',
      'http://localhost',
      'null',
      '',
      '*',
    ]) {
      expect([origin, one.allowsOrigin(origin)]).toEqual([origin, false])
    }
  })

  it('are none by default', () => {
    expect(keeper({}).allowsOrigin('https://app.example.com')).toBe(false)
    expect(keeper({}).allowsOrigin('null')).toBe(false)
    expect(keeper({}).allowsOrigin(undefined)).toBe(true)
  })

  it('are all only where that is called insecure', () => {
    expect(() => keeper({ origins: ['*'] })).toThrow('insecure: true')
    expect(keeper({ origins: ['*'], insecure: true }).allowsOrigin('https://any.example')).toBe(true)
    expect(keeper({ insecure: true }).allowsOrigin('https://any.example')).toBe(false)
  })

  it.each([
    'https://app.example.com/',
    'https://*.example.com',
    'app.example.com',
    'null',
    '',
    'https://APP.example.com',
  ])('cannot be written as %s', (origin) => {
    expect(() => keeper({ origins: [origin] })).toThrow('is no origin')
  })
})
