import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openDatabase } from '../../../src/platform/postgres/database.ts'
import { openStores, type Stores } from '../../support/stores.ts'

let stores: Stores
let database: ReturnType<typeof openDatabase>
let reportCount = 0
beforeAll(async () => {
  stores = await openStores()
  database = openDatabase({ url: stores.url, maxConnections: 4 })
  database.listenToNotice('it_rained', () => {
    reportCount++
  })
})
beforeEach(() => {
  reportCount = 0
})
afterAll(async () => {
  await database.close()
  await stores.close()
})

const raise = (notice: string) => `do $$ begin raise info '${notice}'; end $$`

test('a notice is reported when its statement has ended, once however often it was raised', async () => {
  await database.query('raise', `${raise('it_rained')}`, [])
  expect(reportCount).toBe(1)
  const twice = `do $$ begin raise info 'it_rained'; raise info 'it_rained'; end $$`
  await database.query('raise_twice', twice, [])
  expect(reportCount).toBe(2)
})

test('a notice of a transaction is reported when it is committed, and not before', async () => {
  await database.transaction(async (tx) => {
    await tx.query('raise', raise('it_rained'), [])
    await database.query('beside', 'select 1', [])
    expect(reportCount).toBe(0)
  })
  expect(reportCount).toBe(1)
})

test('other notices and other statements are not reported', async () => {
  await database.query('raise_other', raise('it_snowed'), [])
  await database.query('beside', 'select 1', [])
  await expect(database.query('fail', 'select 1 / 0', [])).rejects.toThrow('zero')
  expect(reportCount).toBe(0)
})
