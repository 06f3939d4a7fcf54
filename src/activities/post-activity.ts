import type { Severity } from '../domain/activity.ts'
import type { UserId } from '../domain/ids.ts'
import { checkOccurredAt, type PostedActivity } from '../domain/posted-activity.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { Clock, Hashing } from '../platform/world.ts'
import { readUser } from '../users/find-user.ts'
import type { UserStore } from '../users/user.store.ts'
import type { Activity, ActivityStore } from './activity.store.ts'

export type Dependencies = {
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
  readonly activities: Pick<ActivityStore, 'post'>
  readonly hashing: Pick<Hashing, 'sha256' | 'equal'>
  readonly clock: Clock
}

export type Command = Omit<PostedActivity, 'occurredAt' | 'relyingParty'> & {
  readonly userId: UserId
  readonly severity: Severity
  /** Defaults to the current time. */
  readonly occurredAt?: Date
  readonly idempotencyKey?: string
}

/**
 * Records an activity that a relying party reports of a user, shown to the user as that relying
 * party's claim. Equal requests under one Idempotency-Key create one activity, also concurrently.
 */
export async function postActivity(
  { users, activities, hashing, clock }: Dependencies,
  principal: Principal,
  { userId, severity, occurredAt, idempotencyKey, ...content }: Command,
): Promise<
  | { readonly activity: Activity; readonly isReplay: boolean }
  | Refusal<'invalid_request' | 'not_found' | 'idempotency_key_reused'>
> {
  const user = await readUser({ users }, principal, userId)
  if (isRefusal(user)) return user
  const now = clock.now()
  const fault = occurredAt && checkOccurredAt(occurredAt, now)
  if (fault) return fault
  const requestHash = hashing.sha256(JSON.stringify({ ...content, userId, severity, occurredAt }))
  const result = await activities.post({
    tenantId: principal.tenantId,
    activity: {
      userId,
      type: 'posted',
      severity,
      actor: `api_key:${principal.keyId}`,
      posted: {
        ...content,
        occurredAt: (occurredAt ?? now).toISOString(),
        relyingParty: { id: principal.rpId, name: principal.rpName },
      },
    },
    idempotencyKey: idempotencyKey ?? null,
    postHash: requestHash,
  })
  if (result === null) return refuse('not_found')
  const { activity, postHash } = result
  if (postHash === null) return { activity, isReplay: false }
  if (!hashing.equal(postHash, requestHash)) return refuse('idempotency_key_reused')
  return { activity, isReplay: true }
}
