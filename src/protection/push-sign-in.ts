import type { TenantId, UserId } from '../domain/ids.ts'
import type { Policy } from '../domain/policy.ts'
import { actorOf, type Principal } from '../domain/principal.ts'
import {
  checkEnrolling,
  type PushSignInReason,
  type PushSignInRefusal,
  type PushSignInSetting,
  rolloutBucket,
  rolloutText,
} from '../domain/push-sign-in.ts'
import { isRefusal, type Refusal } from '../domain/refusal.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { Hashing } from '../platform/world.ts'
import type { TenantStore } from '../tenants/directory.store.ts'
import { readUser } from '../users/find-user.ts'
import type { UserStore } from '../users/user.store.ts'
import type { PushSignInStore } from './push-sign-in.store.ts'

type EnrollingDependencies = {
  readonly pushSignIn: Pick<PushSignInStore, 'find'>
  readonly hashing: Pick<Hashing, 'sha256'>
}

/** Why this user may not enroll a device; undefined when the user may. */
export async function reasonForNotEnrolling(
  dependencies: EnrollingDependencies,
  policy: Policy,
  tenantId: TenantId,
  userId: UserId,
): Promise<PushSignInRefusal | undefined> {
  return (await loadDecision(dependencies, policy, tenantId, userId)).refusal
}

async function loadDecision(
  { pushSignIn, hashing }: EnrollingDependencies,
  policy: Policy,
  tenantId: TenantId,
  userId: UserId,
) {
  const facts = await pushSignIn.find(tenantId, userId)
  if (!facts) throw new Error(`user ${userId} has no protection`)
  const bucket = rolloutBucket(hashing.sha256(rolloutText(facts.rolloutKey, userId)))
  return { setting: facts.setting, refusal: checkEnrolling(policy, { ...facts, bucket }) }
}

export type Dependencies = EnrollingDependencies & {
  readonly pushSignIn: PushSignInStore
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
  readonly tenants: Pick<TenantStore, 'findPolicy'>
  readonly userQueue: UserQueue
}

/** What is set for a user, and what follows from it and the policy. */
export type UserPushSignIn = {
  readonly setting: PushSignInSetting | 'default'
  /** True when the user may enroll a device. */
  readonly mayEnroll: boolean
  /** Why not; null when the user may. */
  readonly whyNot: PushSignInReason | null
}

/** Whether a user may use push sign-in, by the policy of the relying party that asks. */
export async function readPushSignIn(
  dependencies: Dependencies,
  principal: Principal,
  id: UserId,
): Promise<UserPushSignIn | Refusal<'not_found'>> {
  const { tenantId, rpId } = principal
  const user = await readUser(dependencies, principal, id)
  if (isRefusal(user)) return user
  const policy = await dependencies.tenants.findPolicy(tenantId, rpId)
  const { setting, refusal } = await loadDecision(dependencies, policy, tenantId, id)
  return {
    setting: setting ?? 'default',
    mayEnroll: refusal === undefined,
    whyNot: refusal?.facts.why ?? null,
  }
}

/**
 * Turns push sign-in on or off for one user, or leaves it to the policy. Off: from the next
 * creation on the user is not asked. Devices are kept.
 */
export async function setPushSignIn(
  dependencies: Dependencies,
  principal: Principal,
  id: UserId,
  setting: PushSignInSetting | 'default',
): Promise<UserPushSignIn | Refusal<'not_found' | 'too_many_requests'>> {
  const user = await readUser(dependencies, principal, id)
  if (isRefusal(user)) return user
  const { tenantId } = principal
  const actor = actorOf(principal)
  const outcome = await dependencies.userQueue.run({ tenantId, userId: id }, actor, () =>
    dependencies.pushSignIn.set(tenantId, id, setting === 'default' ? null : setting, actor),
  )
  return isRefusal(outcome) ? outcome : readPushSignIn(dependencies, principal, id)
}
