import type { TenantId, UserId } from '../../src/domain/ids.ts'
import type {
  PersonalDataReading,
  PersonalDataStore,
} from '../../src/personal-data/personal-data.store.ts'

/** All rows of a reading, by table; closes it. */
export async function everythingIn(reading: PersonalDataReading) {
  const tables: Record<string, Record<string, unknown>[]> = {}
  try {
    for (let page = await reading.next(); page !== null; page = await reading.next()) {
      const rows = page.rows.map((row): Record<string, unknown> => JSON.parse(row))
      tables[page.table] = [...(tables[page.table] ?? []), ...rows]
    }
  } finally {
    await reading.close()
  }
  return tables
}

/** All stored data on a user, by table. */
export async function everythingOn(
  store: Pick<PersonalDataStore, 'openExport'>,
  tenantId: TenantId,
  userId: UserId,
) {
  const reading = await store.openExport(tenantId, userId)
  if (reading === 'busy') throw new Error('another export is under way')
  return everythingIn(reading)
}
