import type { Actor } from '../domain/activity.ts'
import type { TenantId, UserId } from '../domain/ids.ts'
import type { PushSignInSetting } from '../domain/push-sign-in.ts'

export interface PushSignInStore {
  /** What decides whether a user may enroll; null when the tenant has no such user. */
  find(
    tenantId: TenantId,
    userId: UserId,
  ): Promise<{
    readonly setting: PushSignInSetting | null
    /** Secret of the tenant. */
    readonly rolloutKey: string
    /** True while an active or suspended device of the user exists. */
    readonly hasDevice: boolean
  } | null>
  /** Null removes the setting. What is set already changes nothing, and is not recorded. */
  set(
    tenantId: TenantId,
    userId: UserId,
    setting: PushSignInSetting | null,
    actor: Actor,
  ): Promise<'done' | 'unchanged'>
}
