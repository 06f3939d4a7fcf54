// Pushes that a statement has just queued, as JSON in one column of its row.

import { readTime } from '../platform/postgres/column-types.ts'
import type { DuePush } from './due-push.store.ts'
import { type DuePromptRow, languagesColumn, toDuePushes } from './push.rows.ts'

/** A push as JSON: its time is a text. */
export type DuePushJson = Omit<DuePromptRow, 'expiresAt'> & { readonly expiresAt: string }

/**
 * The rows of `source` as JSON, for devices that are still active. It has the columns of a delivery
 * and `expires_at`; the condition is about `p`.
 */
export const duePushesJson = (source: string, condition = '') => `
  (select json_agg(json_build_object('tenantId', p.tenant_id, 'id', p.id, 'kind', p.kind,
      'challengeId', p.challenge_id, 'chainId', (select pc.chain_id from challenges pc
        where pc.tenant_id = p.tenant_id and pc.id = p.challenge_id),
      'deviceId', p.device_id, 'attempts', p.attempts,
      'expiresAt', p.expires_at, 'pushProvider', v.push_provider,
      'pushEnvironment', v.push_environment, 'appId', v.app_id,
      'pushToken', encode(v.push_token_sealed, 'base64'), 'languages', ${languagesColumn('v')}))
    from ${source} p
    join devices v on v.tenant_id = p.tenant_id and v.id = p.device_id and v.status = 'active'
    ${condition})`

/** From the JSON; null when there are none. */
export function readDuePushes(pushes: readonly DuePushJson[] | null): DuePush[] {
  const rows = (pushes ?? []).map((push) => ({ ...push, expiresAt: readTime(push.expiresAt) }))
  return toDuePushes(rows)
}
