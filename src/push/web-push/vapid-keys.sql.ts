import type { Database } from '../../platform/postgres/database.ts'
import { run, statement } from '../../platform/postgres/statement.ts'
import type { StoredVapidKey, VapidKeyStore } from './vapid-key.store.ts'

type KeyRow = { readonly publicKey: string; readonly privateSealed: Buffer }
type NameRow = { readonly publicKey: string }

const findCurrent = statement<object, NameRow>(
  'find_current_vapid_key',
  'select public_key from vapid_keys where is_current',
)

const findKey = statement<{ readonly publicKey: string }, KeyRow>(
  'find_vapid_key',
  'select public_key, private_sealed from vapid_keys where public_key = :publicKey',
)

const insertKey = statement<StoredVapidKey, NameRow>(
  'insert_vapid_key',
  `insert into vapid_keys (public_key, private_sealed) values (:publicKey, :privateSealed)
   on conflict do nothing returning public_key`,
)

const retireKey = statement<{ readonly publicKey: string }, NameRow>(
  'retire_vapid_key',
  `update vapid_keys set is_current = null
   where public_key = :publicKey and is_current returning public_key`,
)

/** The VAPID keys; a unique index lets only one of them be current. */
export function buildVapidKeyStore(database: Database): VapidKeyStore {
  return {
    async findCurrent() {
      const [row] = await run(database, findCurrent, {})
      return row?.publicKey ?? null
    },
    async find(publicKey) {
      const [row] = await run(database, findKey, { publicKey })
      return row ?? null
    },
    async addFirst(key) {
      await run(database, insertKey, key)
    },
    rotate(former, next) {
      return database.transaction(async (tx) => {
        const retiredRows = await run(tx, retireKey, { publicKey: former })
        if (retiredRows.length === 0) return 'changed'
        const [row] = await run(tx, insertKey, next)
        if (!row) throw new Error('a new VAPID key is stored already')
        return 'done'
      })
    },
  }
}
