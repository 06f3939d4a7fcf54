import type { DeviceStore } from '../devices/device.store.ts'
import type { UserVerification } from '../domain/challenge.ts'
import type { UserId } from '../domain/ids.ts'
import { type NumberMode, planUsualNumber } from '../domain/number-match.ts'
import type { Principal } from '../domain/principal.ts'
import { type Readiness, readinessOf } from '../domain/readiness.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { Hashing } from '../platform/world.ts'
import type { ChallengeStore } from './challenge.store.ts'

export type Dependencies = {
  readonly challenges: Pick<ChallengeStore, 'loadCreation'>
  readonly devices: Pick<DeviceStore, 'listOfUser'>
  readonly hashing: Pick<Hashing, 'sha256'>
}

/** The challenge that the relying party intends to create. */
export type Command = {
  readonly userId: UserId
  readonly userVerification: UserVerification
  readonly number: Exclude<NumberMode, 'caller'>
}

/**
 * Whether and how a user could be asked at this moment, so that no client waits for a push that
 * cannot come: by the facts and the rules of creation, as for an unknown initiator.
 */
export async function readReadiness(
  { challenges, devices }: Dependencies,
  { tenantId, rpId, namespaces }: Principal,
  { userId, userVerification, number }: Command,
): Promise<Readiness | Refusal<'number_none_not_allowed' | 'not_found'>> {
  const facts = await challenges.loadCreation({
    tenantId,
    rpId,
    namespaces,
    user: { id: userId },
    idempotencyKey: null,
    keyId: null,
    initiatorKey: null,
    maySupersede: false,
    continuedId: null,
    supersededId: null,
  })
  const { protection } = facts
  if (facts.userId === null || protection === null) return refuse('not_found')
  const plan = planUsualNumber(facts.policy, number, rpId)
  if (isRefusal(plan)) return plan
  const allDevices = await devices.listOfUser(tenantId, userId)
  const liveDevices = allDevices.filter(({ status }) => status !== 'unregistered')
  return readinessOf({ ...facts, protection, number: plan, userVerification, devices: liveDevices })
}
