// What the organisation has decided about push sign-in of one user.

import { activity } from '../domain/activity.ts'
import type { TenantId, UserId } from '../domain/ids.ts'
import type { PushSignInSetting } from '../domain/push-sign-in.ts'
import type { Database } from '../platform/postgres/database.ts'
import { recordActivities } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import type { PushSignInStore } from './push-sign-in.store.ts'

type ByUser = { readonly tenantId: TenantId; readonly userId: UserId }

const findFacts = statement<
  ByUser,
  {
    readonly setting: PushSignInSetting | null
    readonly rolloutKey: string
    readonly hasDevice: boolean
  }
>(
  'find_push_sign_in',
  `select p.push_sign_in as setting, t.rollout_key,
    (select true from devices d where d.tenant_id = p.tenant_id and d.user_id = p.user_id
      and d.status in ('active', 'suspended') limit 1) is true as has_device
  from user_protections p join tenants t on t.tenant_id = p.tenant_id
  where p.tenant_id = :tenantId and p.user_id = :userId`,
)

// The next revision makes every creation that was decided before decide again.
const setSetting = statement<
  ByUser & { readonly setting: PushSignInSetting | null },
  { readonly userId: UserId }
>(
  'set_push_sign_in',
  `update user_protections p set push_sign_in = :setting, revision = p.revision + 1
  where p.tenant_id = :tenantId and p.user_id = :userId
    and p.push_sign_in is distinct from :setting
  returning p.user_id`,
)

/** Settings of push sign-in. */
export function buildPushSignInStore(
  database: Database,
  random: Pick<Random, 'id'>,
): PushSignInStore {
  return {
    async find(tenantId, userId) {
      const [row] = await run(database, findFacts, { tenantId, userId })
      return row ?? null
    },
    set(tenantId, userId, setting, actor) {
      return database.transaction(async (tx) => {
        const changedRows = await run(tx, setSetting, { tenantId, userId, setting })
        if (changedRows.length === 0) return 'unchanged'
        const details = { to: setting ?? 'default' }
        const event = activity({ userId, type: 'push_sign_in_changed', actor, details })
        await recordActivities(tx, random, tenantId, [event])
        return 'done'
      })
    },
  }
}
