// The person of a prompt enrolls a first device on its page, where a window or a code of the help
// desk permits it. It is no factor of the sign-in: the new device is asked afterwards.

import { activity } from '../domain/activity.ts'
import type { UserId } from '../domain/ids.ts'
import { type Initiator, initiatorText } from '../domain/initiator.ts'
import { readTypedCode } from '../domain/passcode.ts'
import { type Policy, strictest } from '../domain/policy.ts'
import { actorOf } from '../domain/principal.ts'
import {
  type FirstDevicePermit,
  firstDevicePermit,
  mayBeginEnrollment,
  offersEnrollment,
  promptEnrollmentSeconds,
} from '../domain/prompt-enrollment.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { EnrollmentWindowStore } from '../enrollments/enrollment-window.store.ts'
import { draftEnrollment } from '../enrollments/open-enrollment.ts'
import type { PasscodeStore, SingleUseCodeId } from '../passcodes/passcode.store.ts'
import { inQueues, type PasscodeQueues } from '../passcodes/passcode-queues.ts'
import { findSingleUse } from '../passcodes/single-use-codes.ts'
import type { Hashing, Random, Sealing } from '../platform/world.ts'
import type { PushSignInStore } from '../protection/push-sign-in.store.ts'
import { reasonForNotEnrolling } from '../protection/push-sign-in.ts'
import type { TenantStore } from '../tenants/directory.store.ts'
import type { UserStore } from '../users/user.store.ts'
import type { OwnPrompt } from './own-prompt.ts'
import type { PromptStore } from './prompt.store.ts'
import type { PromptEnrollmentStore } from './prompt-enrollment.store.ts'
import {
  promptCodesBinding,
  type Dependencies as ReadDependencies,
  readPromptEnrollment,
} from './read-prompt-enrollment.ts'

export type Dependencies = PasscodeQueues &
  ReadDependencies & {
    readonly prompts: Pick<PromptStore, 'find'>
    readonly promptEnrollments: PromptEnrollmentStore
    readonly enrollmentWindows: Pick<EnrollmentWindowStore, 'find'>
    readonly passcodes: Pick<PasscodeStore, 'facts' | 'attempt'>
    readonly users: Pick<UserStore, 'findByIdentifier'>
    readonly tenants: Pick<TenantStore, 'findPolicy'>
    readonly pushSignIn: Pick<PushSignInStore, 'find'>
    readonly random: Random
    readonly hashing: Hashing
    readonly sealing: Sealing
    readonly publicOrigin: string
  }

/** What the person has typed, and where. */
export type EnrollmentOrder = {
  /** A code of the help desk; null where a window is to permit it. */
  readonly code: string | null
  readonly initiator: Initiator
}

/**
 * Opens the enrollment of the prompt; where it has one that goes on, nothing is done. All that
 * speaks against it is `enrollment_not_allowed`: an unknown person, one with a device, a wrong code
 * and a closed window are not told apart. Tries at codes are those of `typeCode`, on its budgets.
 */
export async function enrollAtPrompt(
  dependencies: Dependencies,
  own: OwnPrompt,
  { code, initiator }: EnrollmentOrder,
): Promise<'open' | Refusal<'enrollment_not_allowed' | 'challenge_ended'>> {
  const { prompt, client } = own
  const { tenantId, userName, now } = prompt
  if (!offersEnrollment(prompt.request, client.settings)) return refuse('enrollment_not_allowed')
  const enrollment = await readPromptEnrollment(dependencies, own)
  if (enrollment?.isGoingOn) return 'open'
  if (!mayBeginEnrollment(prompt, now)) return refuse('challenge_ended')
  const { namespace, rpId } = client.integration
  const user =
    userName === null
      ? null
      : await dependencies.users.findByIdentifier(tenantId, { namespace, value: userName })
  if (user === null) return refuse('enrollment_not_allowed')
  const key = dependencies.hashing.hmacBase64Url(initiatorText(rpId, initiator))
  const result = await inQueues(dependencies, { tenantId, userId: user.id }, `codes:${key}`, () =>
    openInQueue(dependencies, own, user.id, readTypedCode(code ?? ''), key),
  )
  return isRefusal(result) ? refuse('enrollment_not_allowed') : result
}

async function openInQueue(
  dependencies: Dependencies,
  own: OwnPrompt,
  userId: UserId,
  typedCode: ReturnType<typeof readTypedCode>,
  initiator: string,
): Promise<'open' | Refusal<'enrollment_not_allowed'>> {
  const text = typedCode?.kind === 'single_use' ? typedCode.code : null
  const codeId = text === null ? null : await typedCodeId(dependencies, own, userId, text)
  const permit = await permitOf(dependencies, own, userId, codeId !== null)
  if (!isRefusal(permit)) {
    const temporaryCodeId = permit.by === 'temporary_code' ? codeId : null
    const isOpen = await open(dependencies, own, userId, { ...permit, temporaryCodeId })
    if (isOpen) return 'open'
  }
  if (await isOpenNow(dependencies, own)) return 'open'
  // A passcode is not checked: it would be of a device, and no answer says whether it is right.
  if (text !== null) await chargeFailure(dependencies, own, userId, initiator)
  return refuse('enrollment_not_allowed')
}

/** Whether another press on the same page has opened it since the prompt was read. */
async function isOpenNow(dependencies: Dependencies, own: OwnPrompt): Promise<boolean> {
  const prompt = await dependencies.prompts.find(own.prompt.tenantId, own.prompt.id)
  if (prompt === null) return false
  return (await readPromptEnrollment(dependencies, { ...own, prompt }))?.isGoingOn ?? false
}

/** The temporary code that was typed; whether it still counts is decided where it is used up. */
async function typedCodeId(
  dependencies: Dependencies,
  { prompt: { tenantId }, client }: OwnPrompt,
  userId: UserId,
  text: string,
): Promise<SingleUseCodeId | null> {
  const { codes } = await dependencies.passcodes.facts(tenantId, client.door.rpId, userId)
  const temporaryCodes = codes.filter(({ kind }) => kind === 'temporary_code')
  return findSingleUse(dependencies, tenantId, temporaryCodes, text)?.id ?? null
}

type Permit = { readonly by: FirstDevicePermit; readonly policy: Policy }

async function permitOf(
  dependencies: Dependencies,
  { prompt: { tenantId }, client: { door } }: OwnPrompt,
  userId: UserId,
  hasTemporaryCode: boolean,
): Promise<Permit | Refusal> {
  const facts = await dependencies.enrollmentWindows.find({ tenantId, userId })
  if (facts === null) return refuse('not_found')
  const by = firstDevicePermit(facts, hasTemporaryCode)
  if (isRefusal(by)) return by
  const partyPolicy = await dependencies.tenants.findPolicy(tenantId, door.rpId)
  const policy = strictest(partyPolicy, door.policy)
  const whyNot = await reasonForNotEnrolling(dependencies, policy, tenantId, userId)
  return whyNot ?? { by, policy }
}

async function open(
  dependencies: Dependencies,
  { prompt, client: { door, integration } }: OwnPrompt,
  userId: UserId,
  { by, policy, temporaryCodeId }: Permit & { readonly temporaryCodeId: SingleUseCodeId | null },
): Promise<boolean> {
  const { tenantId, id: promptId } = prompt
  const actor = actorOf(door)
  const { newEnrollment, codes } = draftEnrollment(dependencies, policy, {
    ...{ tenantId, userId, rpId: door.rpId, actor },
    ...{ replacesDeviceId: null, parentDeviceId: null },
    ...{ openedByDeviceId: null, openedBySessionId: null },
  })
  const { id: enrollmentId } = newEnrollment
  const details = { permit: by, application: integration.name }
  const type = 'prompt_enrollment_opened'
  const result = await dependencies.promptEnrollments.open({
    promptId,
    enrollment: {
      ...newEnrollment,
      ttlSeconds: promptEnrollmentSeconds(prompt, policy.enrollmentTtlSeconds, prompt.now),
      activity: activity({ userId, type, actor, enrollmentId, details }),
    },
    codesSealed: dependencies.sealing.seal(
      JSON.stringify(codes),
      promptCodesBinding(prompt, enrollmentId),
    ),
    temporaryCode: temporaryCodeId && {
      id: temporaryCodeId,
      usedActivity: activity({ userId, type: 'temporary_code_used', actor, enrollmentId }),
    },
  })
  if (result === 'done') dependencies.signals.publish(promptId)
  return result === 'done'
}

/** Records a failed code on the budgets of the user and of the browser, or finds them used up. */
async function chargeFailure(
  dependencies: Dependencies,
  { prompt: { tenantId }, client: { door } }: OwnPrompt,
  userId: UserId,
  initiator: string,
): Promise<void> {
  const actor = actorOf(door)
  const { policy } = await dependencies.passcodes.facts(tenantId, door.rpId, userId)
  await dependencies.passcodes.attempt({
    ...{ tenantId, userId, initiator, isInitiatorNamed: true, match: null },
    knownForDays: policy.initiatorMemoryDays,
    acceptedActivity: activity({ userId, type: 'temporary_code_used', actor }),
    failedActivity: activity({ userId, type: 'passcode_failed', actor }),
  })
}
