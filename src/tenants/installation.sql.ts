import type { Origin } from '../domain/public-origin.ts'
import type { Queries } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { FirstKeyDisplay, InstallationStore } from './installation.store.ts'

type OriginRow = { readonly publicOrigin: string | null; readonly originGiven: boolean }

const findOrigin = statement<object, OriginRow>(
  'find_origin',
  'select public_origin, origin_given from installation',
)

const changeOrigin = statement<
  {
    readonly currentOrigin: string | null
    readonly nextOrigin: string
    readonly isConfigured: boolean
  },
  { readonly id: boolean }
>(
  'change_origin',
  `insert into installation as i (id, public_origin, origin_given)
   values (true, :nextOrigin, :isConfigured)
   on conflict (id) do update set public_origin = :nextOrigin, origin_given = :isConfigured
   where i.public_origin is not distinct from :currentOrigin returning id`,
)

const findAnyDevice = statement<object>('any_device', 'select from devices limit 1')

const findUnusedFirstKey = statement<object, FirstKeyDisplay>(
  'find_unused_first_key',
  `select i.first_key_shown_by as by, i.first_key_shown_at as at
   from installation i join api_keys k on k.id = i.first_key_id
   where k.last_used_at is null and k.revoked_at is null
     and (k.expires_at is null or k.expires_at > clock_timestamp())`,
)

const noteFirstKey = statement<{ readonly keyId: string; readonly shownBy: string }>(
  'note_first_key',
  `insert into installation (id, first_key_id, first_key_shown_by, first_key_shown_at)
   values (true, :keyId, :shownBy, clock_timestamp())
   on conflict (id) do update set first_key_id = :keyId, first_key_shown_by = :shownBy,
     first_key_shown_at = clock_timestamp()`,
)

/** The one row about the whole installation. */
export function buildInstallationStore(database: Queries): InstallationStore {
  return {
    async findOrigin(): Promise<Origin | null> {
      const [row] = await run(database, findOrigin, {})
      if (!row?.publicOrigin) return null
      return { origin: row.publicOrigin, isConfigured: row.originGiven }
    },

    async changeOrigin(was, next) {
      const changedRows = await run(database, changeOrigin, {
        currentOrigin: was?.origin ?? null,
        nextOrigin: next.origin,
        isConfigured: next.isConfigured,
      })
      return changedRows.length > 0 ? 'done' : 'changed'
    },

    async hasDevices() {
      return (await run(database, findAnyDevice, {})).length > 0
    },

    async findUnusedFirstKey() {
      const [row] = await run(database, findUnusedFirstKey, {})
      return row ?? null
    },
  }
}

/** Records which key was the first, and which process shows it. */
export async function recordFirstKey(tx: Queries, keyId: string, shownBy: string): Promise<void> {
  await run(tx, noteFirstKey, { keyId, shownBy })
}
