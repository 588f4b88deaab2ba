import assert from 'node:assert/strict'
import type { CommandOutcome, InboxCommand, Targets } from '../core/inbox-store.ts'
import {
  bodyOf,
  type InboxStoreCase,
  type InboxUser,
  inboxStoreCase,
  type OwnPlace,
  titleOf,
} from './inbox-store-case.ts'

/** Titles by state; each is in one at most. */
async function states(user: InboxUser): Promise<Record<string, string[]>> {
  const { entries, state } = await user.list('all')
  const titles = { unread: [] as string[], read: [] as string[], archived: [] as string[], snoozed: [] as string[] }
  for (const entry of entries.toReversed()) {
    const { read, archived, snoozedUntilMs } = entry
    assert.ok(snoozedUntilMs === undefined || (!read && !archived), 'what is snoozed is unread')
    assert.ok(!archived || read, 'what is archived is read')
    titles[snoozedUntilMs !== undefined ? 'snoozed' : archived ? 'archived' : read ? 'read' : 'unread'].push(
      titleOf(entry),
    )
  }
  const { own } = state
  assert.equal(own.total, titles.unread.length + titles.read.length)
  assert.equal(own.unread, titles.unread.length)
  assert.equal(own.archived, titles.archived.length)
  assert.equal(own.snoozed, titles.snoozed.length)
  for (const view of ['unread', 'archived', 'snoozed'] as const) {
    assert.deepEqual((await user.titles(view)).reverse(), titles[view], view)
  }
  return titles
}

/** Four notifications named by the state that they are put in. */
async function oneOfEach(user: InboxUser): Promise<{ places: OwnPlace[]; laterMs: number }> {
  const laterMs = (await user.state()).nowMs + 60_000
  const places = []
  for (const title of ['unread', 'read', 'archived', 'snoozed']) places.push(await user.stored(title))
  await user.to('read', [places[1]!])
  await user.to('archive', [places[2]!])
  await user.snooze(laterMs, [places[3]!])
  const each = { unread: ['unread'], read: ['read'], archived: ['archived'], snoozed: ['snoozed'] }
  assert.deepEqual(await states(user), each)
  return { places, laterMs }
}

function moves(
  name: string,
  command: (targets: Targets, laterMs: number) => InboxCommand,
  outcomes: readonly CommandOutcome[],
  expected: Partial<Record<'unread' | 'read' | 'archived' | 'snoozed', string[]>>,
): InboxStoreCase {
  return inboxStoreCase(name, async ({ user }) => {
    const ada = await user()
    const { places, laterMs } = await oneOfEach(ada)
    const { rev } = await ada.state()
    const result = await ada.change(command({ own: places, broadcasts: [] }, laterMs))
    assert.deepEqual(result.outcomes, outcomes)
    assert.equal(result.state.rev, rev + 1, 'one change for all targets')
    const after = await states(ada)
    assert.deepEqual(after, { unread: [], read: [], archived: [], snoozed: [], ...expected })
  })
}

const NAMES = ['unread', 'read', 'archived', 'snoozed']

/** What becomes of own notifications. */
export const stateCases: readonly InboxStoreCase[] = [
  moves(
    'reading makes unread and snoozed ones read, and leaves archived ones',
    (targets) => ({ kind: 'read', ...targets }),
    ['changed', 'already', 'already', 'changed'],
    { read: ['unread', 'read', 'snoozed'], archived: ['archived'] },
  ),
  moves(
    'marking as unread brings all back',
    (targets) => ({ kind: 'unread', ...targets }),
    ['already', 'changed', 'changed', 'changed'],
    { unread: NAMES },
  ),
  moves(
    'archiving takes any',
    (targets) => ({ kind: 'archive', ...targets }),
    ['changed', 'changed', 'already', 'changed'],
    { archived: NAMES },
  ),
  moves(
    'snoozing takes any; one that sleeps until then already stays',
    (targets, untilMs) => ({ kind: 'snooze', untilMs, ...targets }),
    ['changed', 'changed', 'changed', 'already'],
    { snoozed: NAMES },
  ),
  moves(
    'snoozing until another time moves the time',
    (targets, untilMs) => ({ kind: 'snooze', untilMs: untilMs + 1, ...targets }),
    ['changed', 'changed', 'changed', 'changed'],
    { snoozed: NAMES },
  ),
  moves(
    'snoozing until what is past makes unread',
    (targets) => ({ kind: 'snooze', untilMs: 1_000, ...targets }),
    ['already', 'changed', 'changed', 'changed'],
    { unread: NAMES },
  ),
  moves(
    'deleting takes any',
    (targets) => ({ kind: 'delete', ...targets }),
    ['changed', 'changed', 'changed', 'changed'],
    {},
  ),
  moves(
    'recalling takes any',
    (targets) => ({ kind: 'recall', ...targets }),
    ['changed', 'changed', 'changed', 'changed'],
    {},
  ),

  inboxStoreCase('what is deleted, never was, or is of another epoch or generation is unknown', async ({ user }) => {
    const ada = await user()
    const [gone, there] = [await ada.stored('gone'), await ada.stored('there')]
    await ada.to('delete', [gone])
    const { rev } = await ada.state()
    const strangers = [
      gone,
      { ...there, seq: 3 },
      { ...there, gen: 2 },
      { ...there, gen: 0 },
      { ...there, epoch: 'another' },
    ]
    const commands: InboxCommand[] = [
      ...(['read', 'unread', 'archive', 'delete', 'recall'] as const).map((kind) => ({
        kind,
        own: strangers,
        broadcasts: [],
      })),
      { kind: 'snooze', untilMs: 1, own: strangers, broadcasts: [] },
      { kind: 'act', action: 'a', own: strangers, broadcasts: [] },
      { kind: 'edit', body: bodyOf('edited'), own: strangers, broadcasts: [] },
    ]
    for (const command of commands) {
      const { outcomes, state } = await ada.change(command)
      assert.deepEqual(outcomes, Array(5).fill('unknown'), command.kind)
      assert.equal(state.rev, rev)
    }
    assert.deepEqual((await states(ada)).unread, ['there'])
  }),

  inboxStoreCase('several targets have their outcomes in order, and are one change', async ({ user }) => {
    const ada = await user()
    const frames = await ada.frames()
    const places = [await ada.stored('a'), await ada.stored('b'), await ada.stored('c')]
    const targets = [places[2]!, { ...places[0]!, seq: 9 }, places[0]!, places[2]!]
    assert.deepEqual(await ada.to('read', targets), ['changed', 'unknown', 'changed', 'already'])
    assert.deepEqual((await states(ada)).read, ['a', 'c'])
    const [, , , frame] = await frames.exactly(4)
    assert.deepEqual([frame!.kind, frame!.own.map(({ seq }) => seq).sort()], ['changed', [1, 3]])
  }),

  inboxStoreCase('the first action that is taken stays', async ({ user }) => {
    const ada = await user()
    const place = await ada.stored('invitation')
    const act = async (action: string) =>
      (await ada.change({ kind: 'act', action, own: [place], broadcasts: [] })).outcomes
    assert.deepEqual(await act('accept'), ['changed'])
    assert.deepEqual(await act('decline'), ['already'])
    assert.deepEqual(await act('accept'), ['already'])
    const { entries } = await ada.list('unread')
    assert.deepEqual(
      entries.map(({ acted, read }) => [acted, read]),
      [['accept', false]],
    )
    await ada.to('archive', [place])
    assert.equal((await ada.list('archived')).entries[0]?.acted, 'accept')
  }),

  inboxStoreCase('an edit replaces the body and nothing else', async ({ user }) => {
    const ada = await user()
    const [one, other] = [await ada.stored('one', { groupKey: 'g' }), await ada.stored('other')]
    const edit = async (title: string) =>
      (await ada.change({ kind: 'edit', body: bodyOf(title), own: [one], broadcasts: [] })).outcomes
    await ada.to('read', [one])
    assert.deepEqual(await edit('one'), ['already'])
    assert.deepEqual(await edit('edited'), ['changed'])
    assert.deepEqual(await edit('edited'), ['already'])
    assert.deepEqual(await states(ada), { unread: ['other'], read: ['edited'], archived: [], snoozed: [] })
    assert.deepEqual(await edit('one'), ['changed'])
    assert.deepEqual(await ada.titles(), ['other', 'one'])
    await ada.to('delete', [one])
    assert.deepEqual(await edit('too late'), ['unknown'])
    assert.deepEqual(await ada.titles(), ['other'])
    assert.deepEqual(await ada.to('read', [other]), ['changed'])
  }),
]
