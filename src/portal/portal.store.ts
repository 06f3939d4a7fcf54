import type { Unregistration, UnregistrationEffects } from '../devices/device.store.ts'
import type { DeviceSuspension, SuspensionEffects } from '../devices/suspension.store.ts'
import type { NewActivity } from '../domain/activity.ts'
import type { Challenge } from '../domain/challenge.ts'
import type { Device } from '../domain/device.ts'
import type {
  ActivityId,
  DeviceId,
  PortalSessionId,
  RelyingPartyId,
  TenantId,
  UserId,
} from '../domain/ids.ts'
import type { NoticePreferences } from '../domain/notice.ts'
import type { PortalSession, PortalWriteResult } from '../domain/portal.ts'
import type { Protection } from '../domain/protection.ts'
import type { EntranceStore } from './entrance/entrance.store.ts'

export interface PortalStore extends EntranceStore {
  /**
   * Stores a link, to be opened once within `linkSeconds`; returns its end, or null when the user
   * is suspended.
   */
  createLink(
    link: {
      readonly tenantId: TenantId
      readonly id: PortalSessionId
      readonly userId: UserId
      readonly rpId: RelyingPartyId
      readonly linkScopes: readonly string[]
      readonly linkHash: Uint8Array
      readonly linkSeconds: number
    },
    activity: NewActivity,
  ): Promise<Date | null>
  /**
   * Opens the link: of any number of attempts exactly one gets the session. Null when it was opened
   * before, has expired, or never existed.
   */
  open(
    tenantId: TenantId,
    linkHash: Uint8Array,
    session: { readonly hash: Uint8Array; readonly seconds: number },
  ): Promise<PortalSession | null>
  /** The session of this cookie; null when it has ended. */
  find(tenantId: TenantId, sessionHash: Uint8Array): Promise<PortalSession | null>
  /** Ends the session. */
  end(tenantId: TenantId, id: PortalSessionId): Promise<void>
  /** Records that the user typed a code in the session; null when it is not live any more. */
  markVerified(tenantId: TenantId, id: PortalSessionId): Promise<Date | null>
  /** The first activity that recorded the challenge; null when it is deleted. */
  findActivityOf(
    challenge: Pick<Challenge, 'tenantId' | 'userId' | 'id'>,
  ): Promise<ActivityId | null>
  /** Renames a live device; null when it is not live. */
  renameDevice(
    session: LiveSession,
    deviceId: DeviceId,
    name: string,
    activity: NewActivity,
  ): Promise<Device | null | 'session_gone'>
  /** Suspends an active device, as `SuspensionStore.suspendDevice` does. */
  suspendDevice(
    session: LiveSession,
    command: DeviceSuspension,
  ): Promise<SuspensionEffects | null | 'session_gone'>
  /** Unregisters devices, as `DeviceStore.unregister` does. */
  unregisterDevice(
    session: LiveSession,
    command: Unregistration,
  ): Promise<UnregistrationEffects | 'session_gone'>
  /** Records what was done in the session; null when it is not live any more. */
  record(session: LiveSession, activity: NewActivity): Promise<'done' | null>
  /** Sets the user's preferences and records it; null when the session is not live any more. */
  changePreferences(
    session: LiveSession,
    preferences: NoticePreferences,
    activity: NewActivity,
  ): Promise<'done' | null>
  /** Saves the next protection, if nothing changed since it was read (optimistic lock). */
  changeProtection(
    session: LiveSession,
    next: Protection,
    activity: NewActivity,
  ): Promise<PortalWriteResult>
  /**
   * Records a request for erasure, unless there is one that is younger than `gapSeconds`; returns
   * the time of the one that stands, and null when the session is not live any more.
   */
  requestErasure(
    session: LiveSession,
    gapSeconds: number,
    activity: NewActivity,
  ): Promise<Date | null>
}

/** A session that must not have ended when something is written for it. */
export type LiveSession = Pick<PortalSession, 'tenantId' | 'userId' | 'id'>
