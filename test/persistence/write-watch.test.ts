import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openDatabase } from '../../src/persistence/database.ts'
import { openStores, type Stores } from '../support/stores.ts'

let stores: Stores
let database: ReturnType<typeof openDatabase>
let told = 0
beforeAll(async () => {
  stores = await openStores()
  database = openDatabase({ url: stores.url })
  database.listenToWrites(() => {
    told++
  })
  await database.query('make', 'create table notes (id int primary key, text text)', [])
})
beforeEach(() => {
  told = 0
})
afterAll(async () => {
  await database.close()
  await stores.close()
})

test('a statement that changes rows is told of, however it is written', async () => {
  await database.query('write', `insert into notes values (1, 'a'), (2, 'a')`, [])
  expect(told).toBe(1)
  await database.query('alter', `update notes n set text = 'b' where n.id = 1`, [])
  expect(told).toBe(2)
  await database.query('both', `with x as (delete from notes returning id) select id from x`, [])
  expect(told).toBe(3)
})

test('a transaction is told of when it is committed, and not before', async () => {
  await database.transaction(async (tx) => {
    await tx.query('hold', 'select id from notes for update', [])
    told = 0
  })
  expect(told).toBe(1)
})

test('what reads, locks, or changes no row is not told of', async () => {
  await database.query('read', 'select id, text from notes', [])
  await database.query('lock', 'select id from notes for update', [])
  await database.query('miss', `update notes set text = 'c' where id = 99 returning id`, [])
  await expect(database.query('fail', 'insert into notes values (null)', [])).rejects.toThrow()
  await stores.agenda.look()
  expect(told).toBe(0)
})
