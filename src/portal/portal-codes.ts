// Codes in the portal: recovery codes to keep on paper, and a code that the user types as a second
// factor beside the link.

import { activity } from '../domain/activity.ts'
import type { OtherFactors } from '../domain/passcode.ts'
import { checkStepUp, type PortalSession, stepUpSeconds } from '../domain/portal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import { acceptCode, type CodeDependencies, type CodeRefusal } from '../passcodes/accept-code.ts'
import type { PasscodeStore, SingleUseCodeId } from '../passcodes/passcode.store.ts'
import { inQueues, type PasscodeQueues } from '../passcodes/passcode-queues.ts'
import { draftRecoveryCodes } from '../passcodes/single-use-codes.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { Hashing, Random, Sealing } from '../platform/world.ts'
import type { PortalStore } from './portal.store.ts'

/** What the user has beside the push, and which set of recovery codes. */
export type PortalFactors = OtherFactors & { readonly recoveryCodeSet: SingleUseCodeId | null }

/** What the user has beside the push. */
export async function readPortalFactors(
  {
    passcodes,
  }: { readonly passcodes: Pick<PasscodeStore, 'otherFactors' | 'findRecoveryCodeSet'> },
  { tenantId, userId }: PortalSession,
): Promise<PortalFactors> {
  const factors = await passcodes.otherFactors(tenantId, userId)
  return { ...factors, recoveryCodeSet: await passcodes.findRecoveryCodeSet(tenantId, userId) }
}

/**
 * Creates a set of recovery codes, readable this once, in the place of the set that the user saw
 * there was (`insteadOf`): a form that is sent again makes none.
 */
export async function createRecoveryCodesInPortal(
  dependencies: {
    readonly passcodes: Pick<PasscodeStore, 'replaceRecoveryCodesInPortal'>
    readonly userQueue: UserQueue
    readonly random: Random
    readonly hashing: Pick<Hashing, 'sha256' | 'equal'>
    readonly sealing: Sealing
  },
  session: PortalSession,
  insteadOf: SingleUseCodeId | null,
): Promise<
  | readonly string[]
  | Refusal<'portal_step_up_needed' | 'portal_session_invalid' | 'too_many_requests' | 'conflict'>
> {
  const refusal = checkStepUp(session, 'make_recovery_codes')
  if (refusal) return refusal
  const { tenantId, userId, id: sessionId } = session
  const newCodes = draftRecoveryCodes(dependencies, tenantId)
  const actor = `portal:${sessionId}` as const
  const replacement = {
    ...{ tenantId, userId, sessionId, insteadOf },
    codes: newCodes.map(({ storedCode }) => storedCode),
    activity: activity({ userId, type: 'recovery_codes_made', actor }),
  }
  const result = await dependencies.userQueue.run(session, actor, () =>
    dependencies.passcodes.replaceRecoveryCodesInPortal(replacement),
  )
  if (isRefusal(result)) return result
  if (result === 'session_gone') return refuse('portal_session_invalid')
  if (result === 'done') return newCodes.map(({ code }) => code)
  return refuse('conflict', { hint: 'There are newer codes by now; read which, and say so.' })
}

/** Until when what takes a second factor may be done. */
export type PortalVerification = {
  readonly recoveryCodesLeft: number
  readonly verifiedUntil: Date
}

/**
 * Checks a code that the user typed in the portal: a factor other than the link. Wrong ones are
 * counted apart from those typed at a sign-in, or a stolen session could lock those.
 */
export async function verifyInPortal(
  dependencies: CodeDependencies &
    PasscodeQueues & { readonly portal: Pick<PortalStore, 'markVerified'> },
  session: PortalSession,
  code: string,
): Promise<
  PortalVerification | CodeRefusal | Refusal<'portal_session_invalid' | 'too_many_requests'>
> {
  const { tenantId, userId, rpId, id } = session
  const actor = `portal:${id}` as const
  const initiator = dependencies.hashing.hmacBase64Url(`portal:${rpId}`)
  const typedBy = { tenantId, rpId, actor, initiator }
  const acceptedCode = await inQueues(dependencies, session, actor, () =>
    acceptCode(dependencies, typedBy, { userId, code }),
  )
  if (isRefusal(acceptedCode)) return acceptedCode
  const verifiedAt = await dependencies.portal.markVerified(tenantId, id)
  if (verifiedAt === null) return refuse('portal_session_invalid')
  const verifiedUntil = new Date(verifiedAt.getTime() + stepUpSeconds * 1000)
  return { recoveryCodesLeft: acceptedCode.recoveryCodesLeft, verifiedUntil }
}
