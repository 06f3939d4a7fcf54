import type { Origin } from '../domain/public-origin.ts'
import type { FirstKeyDisplay, InstallationStore } from '../ports/installation-store.ts'
import type { Queries } from './database.ts'

type OriginRow = { readonly public_origin: string | null; readonly origin_given: boolean }

/** The one row about the whole installation. */
export function buildInstallationStore(database: Queries): InstallationStore {
  return {
    async findOrigin(): Promise<Origin | null> {
      const [row] = await database.query<OriginRow>(
        'find_origin',
        'select public_origin, origin_given from installation',
        [],
      )
      if (!row?.public_origin) return null
      return { origin: row.public_origin, isConfigured: row.origin_given }
    },

    async changeOrigin(was, next) {
      const changedRows = await database.query(
        'change_origin',
        `insert into installation as i (id, public_origin, origin_given) values (true, $2, $3)
         on conflict (id) do update set public_origin = $2, origin_given = $3
         where i.public_origin is not distinct from $1 returning id`,
        [was?.origin ?? null, next.origin, next.isConfigured],
      )
      return changedRows.length > 0
    },

    async hasDevices() {
      const rows = await database.query('any_device', 'select from devices limit 1', [])
      return rows.length > 0
    },

    async findUnusedFirstKey() {
      const [row] = await database.query<FirstKeyDisplay>(
        'find_unused_first_key',
        `select i.first_key_shown_by as by, i.first_key_shown_at as at
         from installation i join api_keys k on k.id = i.first_key_id
         where k.last_used_at is null and k.revoked_at is null
           and (k.expires_at is null or k.expires_at > clock_timestamp())`,
        [],
      )
      return row ?? null
    },
  }
}

/** Records which key was the first, and which process shows it. */
export async function recordFirstKey(tx: Queries, keyId: string, shownBy: string): Promise<void> {
  await tx.query(
    'note_first_key',
    `insert into installation (id, first_key_id, first_key_shown_by, first_key_shown_at)
     values (true, $1, $2, clock_timestamp())
     on conflict (id) do update set first_key_id = $1, first_key_shown_by = $2,
       first_key_shown_at = clock_timestamp()`,
    [keyId, shownBy],
  )
}
