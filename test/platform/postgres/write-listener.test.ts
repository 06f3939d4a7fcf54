import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openDatabase } from '../../../src/platform/postgres/database.ts'
import { openStores, type Stores } from '../../support/stores.ts'

let stores: Stores
let database: ReturnType<typeof openDatabase>
let notificationCount = 0
beforeAll(async () => {
  stores = await openStores()
  database = openDatabase({ url: stores.url })
  database.listenToWrites(() => {
    notificationCount++
  })
  await database.query('make', 'create table notes (id int primary key, text text)', [])
})
beforeEach(() => {
  notificationCount = 0
})
afterAll(async () => {
  await database.close()
  await stores.close()
})

test('a statement that changes rows is reported, in any form', async () => {
  await database.query('write', `insert into notes values (1, 'a'), (2, 'a')`, [])
  expect(notificationCount).toBe(1)
  await database.query('alter', `update notes n set text = 'b' where n.id = 1`, [])
  expect(notificationCount).toBe(2)
  await database.query('both', `with x as (delete from notes returning id) select id from x`, [])
  expect(notificationCount).toBe(3)
})

test('a transaction that changes rows is reported when it is committed', async () => {
  await database.transaction(async (tx) => {
    await tx.query('write_more', `insert into notes values (2, 'a')`, [])
    notificationCount = 0
  })
  expect(notificationCount).toBe(1)
})

test('a transaction that changes none is not reported, even on a used connection', async () => {
  await database.transaction((tx) => tx.query('hold', 'select id from notes for update', []))
  expect(notificationCount).toBe(0)
  await database.query('touch', `update notes set text = 'c'`, [])
  expect(notificationCount).toBe(1)
  await database.transaction((tx) => tx.query('hold', 'select id from notes for update', []))
  expect(notificationCount).toBe(1)
})

test('a statement that reads, locks, or changes no row is not reported', async () => {
  await database.query('read', 'select id, text from notes', [])
  await database.query('lock', 'select id from notes for update', [])
  await database.query('miss', `update notes set text = 'c' where id = 99 returning id`, [])
  await expect(database.query('fail', 'insert into notes values (null)', [])).rejects.toThrow()
  await stores.dueWork.read()
  expect(notificationCount).toBe(0)
})
