import { lockUserRow } from '../devices/devices.sql.ts'
import type { EnrollmentId, PromptId, TenantId, UserId } from '../domain/ids.ts'
import { roundsMax } from '../domain/prompt.ts'
import type { FirstDevicePermit } from '../domain/prompt-enrollment.ts'
import { insertEnrollment } from '../enrollments/enrollments.sql.ts'
import { hadDevice, hadRecoveryCodes, isAllowedAt } from '../enrollments/first-device.sql.ts'
import type { SingleUseCodeId } from '../passcodes/passcode.store.ts'
import type { Database, Queries } from '../platform/postgres/database.ts'
import { recordActivities, recordAudit } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { lockProtectionRow } from '../protection/protections.sql.ts'
import type { NewPromptEnrollment, PromptEnrollmentStore } from './prompt-enrollment.store.ts'
import { isLive } from './prompts.sql.ts'

type ByUser = { readonly tenantId: TenantId; readonly userId: UserId }
type ByPrompt = { readonly tenantId: TenantId; readonly promptId: PromptId }

// The user is locked: of two presses on one page the second finds the enrollment of the first.
const lockPrompt = statement<ByPrompt, { readonly id: PromptId }>(
  'lock_prompt_to_enroll',
  `select p.id from prompts p
   where p.tenant_id = :tenantId and p.id = :promptId and ${isLive} and p.round < ${roundsMax}
     and ${isAllowedAt('p')}
     and not exists (select from enrollments e
       where e.tenant_id = p.tenant_id and e.id = p.enrollment_id
         and (e.status = 'completed'
           or e.status in ('open', 'claimed') and e.expires_at > clock_timestamp()))
   for no key update of p`,
)

const isFirstDevice = (u: string) => `not ${hadDevice(u)} and not ${hadRecoveryCodes(u)}`

// The protection is locked: the window stays as it is until the commit.
const findOpenWindow = statement<ByUser, { readonly userId: UserId }>(
  'find_open_enrollment_window',
  `select w.user_id from user_protections w
   where w.tenant_id = :tenantId and w.user_id = :userId
     and w.may_enroll_until > clock_timestamp() and ${isFirstDevice('w')}`,
)

const useTemporaryCode = statement<
  ByUser & { readonly id: SingleUseCodeId },
  { readonly id: SingleUseCodeId }
>(
  'use_temporary_code_to_enroll',
  `update single_use_codes s set used_at = clock_timestamp()
   where s.tenant_id = :tenantId and s.id = :id and s.user_id = :userId
     and s.kind = 'temporary_code' and s.used_at is null
     and s.expires_at > clock_timestamp() and ${isFirstDevice('s')}
   returning s.id`,
)

const keepInPrompt = statement<
  ByPrompt & { readonly id: EnrollmentId; readonly codesSealed: Uint8Array }
>(
  'keep_enrollment_in_prompt',
  `update prompts set enrollment_id = :id, enrollment_sealed = :codesSealed
   where tenant_id = :tenantId and id = :promptId`,
)

// Its codes end with the prompt, whatever has passed since their time was set.
const bindToPrompt = statement<
  ByPrompt & { readonly id: EnrollmentId; readonly permit: FirstDevicePermit }
>(
  'bind_enrollment_to_prompt',
  `update enrollments e set opened_by_prompt_id = p.id, first_device_permit = :permit,
     expires_at = least(e.expires_at, p.expires_at)
   from prompts p
   where p.tenant_id = :tenantId and p.id = :promptId
     and e.tenant_id = p.tenant_id and e.id = :id`,
)

/** Whether the user may have a first device now; a code that permits it is used up. */
async function isPermittedNow(
  tx: Queries,
  { enrollment: { tenantId, userId }, temporaryCode }: NewPromptEnrollment,
): Promise<boolean> {
  const user = { tenantId, userId }
  const rows =
    temporaryCode === null
      ? await run(tx, findOpenWindow, user)
      : await run(tx, useTemporaryCode, { ...user, id: temporaryCode.id })
  return rows.length === 1
}

/** Enrollments that pages of prompts open. */
export function buildPromptEnrollmentStore(
  database: Database,
  random: Pick<Random, 'id'>,
): PromptEnrollmentStore {
  return {
    open: (order) =>
      database.transaction(async (tx) => {
        const { enrollment, promptId, codesSealed, temporaryCode } = order
        const { tenantId, userId, id, activity: event } = enrollment
        const permit = temporaryCode === null ? 'enrollment_window' : 'temporary_code'
        await lockUserRow(tx, tenantId, userId)
        const { isSuspended } = await lockProtectionRow(tx, tenantId, userId)
        if (isSuspended) return 'changed'
        const prompts = await run(tx, lockPrompt, { tenantId, promptId })
        // What writes comes last: what is refused leaves nothing behind.
        if (prompts.length === 0 || !(await isPermittedNow(tx, order))) return 'changed'
        await run(tx, insertEnrollment, enrollment)
        await run(tx, keepInPrompt, { tenantId, promptId, id, codesSealed })
        await run(tx, bindToPrompt, { tenantId, promptId, id, permit })
        const usedActivities = temporaryCode === null ? [] : [temporaryCode.usedActivity]
        await recordActivities(tx, random, tenantId, [...usedActivities, event])
        await recordAudit(tx, random, tenantId, {
          ...{ type: 'prompt_enrollment_opened', actor: event.actor, subject: userId },
          details: { permit, enrollmentId: id },
        })
        return 'done'
      }),
  }
}
