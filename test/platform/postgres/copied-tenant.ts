// Tenants with the same ids: keys begin with the tenant, so that only the tenant distinguishes
// their rows.

import type { Stores, TestUser } from '../../support/stores.ts'

const copiedTables = [
  ...['tenants', 'signing_keys', 'relying_parties', 'users', 'user_identifiers'],
  ...['user_protections', 'initiators', 'portal_sessions', 'enrollments', 'devices', 'challenges'],
  ...['challenge_targets', 'answers', 'deliveries', 'activities'],
]

/**
 * Copies the rows of this tenant into two tenants, one sorted before it and one after it. Their
 * names end alike.
 */
export async function copyTenant(
  { database }: Stores,
  { tenantId }: Pick<TestUser, 'tenantId'>,
): Promise<void> {
  for (const first of ['00', 'zz']) {
    const copy = tenantId.replace(/_../, `_${first}`)
    for (const table of copiedTables) {
      await database.query(
        `copy_${table}`,
        `insert into ${table}
         select (jsonb_populate_record(x, jsonb_build_object('tenant_id', $2::text))).*
         from ${table} x where x.tenant_id = $1`,
        [tenantId, copy],
      )
    }
  }
}
