import { copyTenant } from '../platform/postgres/copied-tenant.ts'
import { aDevice, aUser, type Stores, type TestUser } from '../support/stores.ts'

/** Users with two devices each, so many with the same ids in each of three tenants. */
export async function seedUsers(stores: Stores, usersPerTenant: number): Promise<TestUser[]> {
  const user = await aUser(stores)
  await aDevice(stores, user)
  await aDevice(stores, user)
  const { tenantId, userId } = user
  const copies: Readonly<Record<string, { readonly of: string; readonly ids: readonly string[] }>> =
    {
      users: { of: 'id', ids: ['id'] },
      user_identifiers: { of: 'user_id', ids: ['user_id', 'value', 'key'] },
      user_protections: { of: 'user_id', ids: ['user_id'] },
      devices: { of: 'user_id', ids: ['id', 'user_id'] },
      device_keys: {
        of: `(select d.user_id from devices d where d.id = x.device_id)`,
        ids: ['device_id', 'kid'],
      },
    }
  for (const [table, { of, ids }] of Object.entries(copies)) {
    const changes = ids.map((id) => `'${id}', x.${id} || '_' || lpad(n::text, 4, '0')`).join(', ')
    await stores.database.query(
      `seed_${table}`,
      `insert into ${table}
       select (jsonb_populate_record(x, jsonb_build_object(${changes}))).*
       from ${table} x, generate_series(1, ${usersPerTenant}) n where ${of} = $1`,
      [userId],
    )
  }
  await copyTenant(stores, user)
  const rows = await stores.database.query<{
    tenant: TestUser['tenantId']
    id: TestUser['userId']
  }>('seeded', 'select tenant_id as tenant, id from users order by tenant_id, id', [])
  if (rows.length !== 3 * (usersPerTenant + 1)) throw new Error(`${tenantId} was not copied`)
  return rows.map(({ tenant, id }) => ({ ...user, tenantId: tenant, userId: id }))
}
