import { expect, test } from 'vitest'
import type { NewChallenge } from '../../src/challenges/challenge.store.ts'
import { repetitions } from '../support/endurance.ts'
import { newChallengeAt, type TestUser } from '../support/stores.ts'
import { runHistories } from './lane-histories.ts'
import { openPair, type Sabotage } from './lane-pair.ts'

const isNightly = repetitions({ usual: 0, nightly: 1 }) === 1
const usersPerTenant = repetitions({ usual: 20, nightly: 300 })

async function run(items: number, sabotage?: Sabotage) {
  const seed = Math.floor(Math.random() * 2 ** 31)
  await using pair = await openPair(usersPerTenant, sabotage)
  const { counts, differences, ...sizes } = await runHistories(pair, seed, items)
  const batches = pair.reports.filter((one) => one.items > 1 && /^(create|answer)$/.test(one.lane))
  return {
    seed,
    differences,
    ...sizes,
    batches: batches.length,
    undoneBatches: batches.filter(({ isUndone }) => isUndone).length,
    slowItems: batches.reduce((sum, { singles }) => sum + singles, 0),
    counts: Object.fromEntries([...counts].toSorted()),
  }
}

/** What a creation and the recording of an answer may be answered. */
const outcomes = [
  ...['create done', 'create changed', 'create error 22003'],
  ...['answer recorded', 'answer changed', 'answer expired', 'answer proof_replayed'],
  ...['answer device_not_active', 'answer error 22003'],
]

test('batches answer and write what single statements do, whatever disturbs them', async () => {
  const items = repetitions({ usual: 500, nightly: 10_000 })
  const { differences, counts, ...result } = await run(items)
  expect(differences.slice(0, 10), `seed ${result.seed}`).toEqual([])
  // biome-ignore lint/suspicious/noConsole: the sizes that the nightly run has reached
  if (isNightly) console.log(JSON.stringify({ ...result, counts }, null, 2))
  const least = repetitions({ usual: 1, nightly: 50 })
  const rare = outcomes.filter((outcome) => (counts[outcome] ?? 0) < least)
  expect(rare, `seed ${result.seed}`).toEqual([])
  expect(
    Object.keys(counts)
      .filter((name) => /^(create|answer) [^:]*$/.test(name))
      .toSorted(),
  ).toEqual(outcomes.toSorted())
  expect(result.slowItems).toBeGreaterThan(least)
  expect(result.disturbed / result.items).toBeGreaterThan(0.3)
  expect(result.undoneBatches / result.batches).toBeLessThan(0.4)
}, 900_000)

test('a batch that waits for locked rows is seen by the batches that are undone', async () => {
  const { differences, undoneBatches, batches } = await run(150, (_, text) =>
    text.replaceAll(' skip locked', ''),
  )
  expect(differences.slice(0, 10)).toEqual([])
  expect(undoneBatches / batches).toBeGreaterThan(0.4)
})

test('a budget that appears between the snapshot of a batch and its locks undoes it', async () => {
  await using pair = await openPair(1)
  const [user, other] = pair.users as [TestUser, TestUser]
  const { challenges } = pair.batched.stores
  const [one, another] = [user, other].map((each) =>
    newChallengeAt(new Date(), each, [], { budgetKey: 'others' }),
  ) as [NewChallenge, NewChallenge]
  await pair.gate.close()
  const creations = Promise.all([one, another].map((each) => challenges.create(each, 'process')))
  await pair.gate.reached()
  await pair.batched.plain.query(
    `insert into initiators (tenant_id, user_id, key, revision) values ($1, $2, 'others', 1)`,
    [user.tenantId, user.userId],
  )
  await pair.gate.open()
  expect(await creations).toEqual(['changed', 'done'])
  expect(pair.reports.at(-1)).toMatchObject({ items: 2, isUndone: true })
  const { rows } = await pair.batched.plain.query('select id from challenges')
  expect(rows).toEqual([{ id: another.challenge.id }])
})

type Change = readonly [what: RegExp, by: string]

/** What a batch checks, and what it is if it does not. */
const checks: Readonly<Record<string, Change>> = {
  'the revision of the user': [/\b(u\.)?found_revision = (u\.)?protection_revision/g, 'true'],
  'the status of the phone': [/(where (d\.|device_))status = 'active'/g, '$1status is not null'],
  'the revision of the budget': [/(b|i)\.revision = (a\.budget_|s\.)revision/g, 'true'],
  'the challenge': [/c\.status = 'pending' and c\.\w+ = s\.\w+ as fits/g, 'true as fits'],
  'the time after the locks': [/(h\.expires_at >) clock_timestamp/g, '$1 statement_timestamp'],
  'the proof': [/h\.is_open and h\.is_spent/g, 'h.is_open'],
}
const eachAlone = Object.entries(checks).map(([what, change]): [string, Change[]] => [
  what,
  [change],
])
const together: [string, Change[]] = ['what was decided on', Object.values(checks)]

test.each([together, ...(isNightly ? eachAlone : [])])(
  'a batch that does not check %s differs at once',
  async (_, changes) => {
    const { differences } = await run(isNightly ? 2_000 : 200, (__, text) =>
      changes.reduce((all, [pattern, by]) => all.replaceAll(pattern, by), text),
    )
    expect(differences).not.toEqual([])
  },
)
