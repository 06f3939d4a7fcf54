// Parts of statements about users who may enroll a first device alone. Each takes the alias of rows
// with a `tenant_id` and a `user_id`.

import { roundsMax } from '../domain/prompt.ts'

/**
 * A device that was ever active, or is about to be: one that waits for its number counts while that
 * can be typed. `besides` is the id of one that does not count.
 */
export const hadDevice = (u: string, besides = 'null') => `exists (select from devices d
    where d.tenant_id = ${u}.tenant_id and d.user_id = ${u}.user_id
      and d.id is distinct from ${besides}
      and (d.activated_at is not null or d.status in ('active', 'suspended')
        or d.status = 'unconfirmed' and exists (select from enrollments o
          where o.tenant_id = d.tenant_id and o.id = d.enrollment_id
            and o.status = 'claimed' and o.expires_at > clock_timestamp() offset 0)))`

// Rows of used codes are deleted after a while; activities are kept for longer.
export const hadRecoveryCodes = (u: string) => `(exists (select from single_use_codes c
    where c.tenant_id = ${u}.tenant_id and c.user_id = ${u}.user_id and c.kind = 'recovery_code')
  or exists (select from activities a
    where a.tenant_id = ${u}.tenant_id and a.user_id = ${u}.user_id
      and a.type in ('recovery_codes_made', 'recovery_code_used')))`

/** True for a prompt whose integration lets first devices be enrolled, and is not paused. */
export const isAllowedAt = (q: string) => `exists (select from integrations i
    where i.tenant_id = ${q}.tenant_id and i.id = ${q}.integration_id and i.status = 'active'
      and (i.settings->>'enrollmentAllowed')::boolean)`

/**
 * True for an enrollment that no prompt has opened. One of a prompt goes on with it, and only for a
 * first device: of two prompts of a user one enrolls.
 */
export const isPermitted = (e: string) => `(${e}.opened_by_prompt_id is null
  or exists (select from prompts q
      where q.tenant_id = ${e}.tenant_id and q.id = ${e}.opened_by_prompt_id
        and ${isAllowedAt('q')}
        and q.outcome is null and q.expires_at > clock_timestamp()
        and (q.round < ${roundsMax} or q.round_until > clock_timestamp()))
    and not ${hadDevice(e, `${e}.device_id`)} and not ${hadRecoveryCodes(e)})`
