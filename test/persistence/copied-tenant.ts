// Tenants with the same ids: keys begin with the tenant, so that nothing but the tenant tells their rows apart.

import type { Stores, TestUser } from '../support/stores.ts'

const copied = [
  ...['tenants', 'signing_keys', 'relying_parties', 'users', 'user_identifiers'],
  ...['user_protections', 'initiators', 'portal_sessions', 'enrolments', 'devices', 'challenges'],
  ...['challenge_targets', 'answers', 'deliveries', 'activities'],
]

/** Makes two tenants with the rows of this one, of which one comes before it and one after it. Their names end alike. */
export async function copyTenant(
  { database }: Stores,
  { tenantId }: Pick<TestUser, 'tenantId'>,
): Promise<void> {
  for (const first of ['00', 'zz']) {
    const copy = tenantId.replace(/_../, `_${first}`)
    for (const table of copied) {
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
