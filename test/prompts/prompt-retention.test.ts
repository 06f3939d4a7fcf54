import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildLeftoverPurge } from '../../src/audit/purge-old.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { aDoorAt, aPromptAt } from '../platform/postgres/isolation/two-worlds.ts'
import { aUser, openStores, type Stores } from '../support/stores.ts'

let stores: Stores
beforeAll(async () => {
  stores = await openStores()
})
afterAll(() => stores.close())

const tables = ['prompts', 'pushed_requests', 'used_assertions'] as const

/** How many rows each table has. */
async function counts() {
  const rows = await Promise.all(
    tables.map((table) =>
      stores.database.query<{ n: number }>(
        `count_${table}`,
        `select count(*)::int as n from ${table}`,
        [],
      ),
    ),
  )
  return rows.map(([row]) => row?.n)
}

/** Everything that a sign-in leaves behind, over by this interval. */
async function addSignIn(interval: string) {
  const { tenantId, rpId } = await aUser(stores)
  const integrationId = systemRandom.id('integration')
  await stores.integrations.create(aDoorAt(tenantId, rpId, integrationId), null, 'operator')
  await stores.prompts.open(aPromptAt({ tenantId }, integrationId))
  const owner = { tenantId, integrationId, hash: randomBytes(32), seconds: 60 }
  await stores.clientRequests.push({ ...owner, parameters: {} })
  await stores.clientRequests.useAssertion(owner)
  for (const table of tables) {
    await stores.database.query(
      `age_${table}`,
      `update ${table} set expires_at = clock_timestamp() - $2::interval where tenant_id = $1`,
      [tenantId, interval],
    )
  }
}

/** Purges until nothing is left to purge, three rows at a time. */
async function purgeAll() {
  const purge = buildLeftoverPurge(stores, 3)
  let more = true
  while (more) more = await purge()
}

test('what a sign-in on a page leaves behind is deleted a day after its end, and not before', async () => {
  for (let n = 0; n < 7; n++) await addSignIn('25 hours')
  for (let n = 0; n < 2; n++) await addSignIn('23 hours')
  expect(await counts()).toEqual([9, 9, 9])
  await purgeAll()
  expect(await counts()).toEqual([2, 2, 2])
})
