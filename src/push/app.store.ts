import type { Actor } from '../domain/activity.ts'
import type { AppId, TenantId } from '../domain/ids.ts'
import type { AppProvider } from '../domain/push.ts'

/** A mobile app of a tenant with push credentials of its own. */
export type App = {
  readonly tenantId: TenantId
  readonly id: AppId
  readonly provider: AppProvider
  /** Bundle id or package name. */
  readonly appId: string
  readonly name: string
  readonly createdAt: Date
  readonly updatedAt: Date
}

/**
 * Apple's credentials for an app: a signing key (.p8) with its id, and the team that owns the app.
 */
export type ApnsCredentials = {
  readonly pem: string
  readonly keyId: string
  readonly teamId: string
}

/** The parts of a Google service account's JSON file that sending needs. */
export type FcmCredentials = {
  readonly project_id: string
  readonly client_email: string
  readonly private_key: string
  readonly private_key_id: string
}

/** The sealed credentials of an app; the version goes up with each change of them. */
export type SealedCredentials = {
  readonly id: AppId
  readonly version: number
  readonly credentialsSealed: Uint8Array
}

export interface AppStore {
  list(tenantId: TenantId): Promise<App[]>
  find(tenantId: TenantId, id: AppId): Promise<App | null>
  /**
   * The credentials for pushes to this app of this tenant; null when the tenant has no credentials
   * of its own for it.
   */
  findCredentials(
    tenantId: TenantId,
    address: Pick<App, 'provider' | 'appId'>,
  ): Promise<SealedCredentials | null>
  /** Creates an app and records it; null when the tenant has the app of this provider already. */
  create(
    app: Omit<App, 'createdAt' | 'updatedAt'>,
    credentialsSealed: Uint8Array,
    actor: Actor,
  ): Promise<App | null>
  /** Changes name or credentials and records it; null when there is no such app. */
  change(
    tenantId: TenantId,
    id: AppId,
    changes: { readonly name?: string; readonly credentialsSealed?: Uint8Array },
    actor: Actor,
  ): Promise<App | null>
  /** Removes an app with its credentials and records it; null when there is no such app. */
  remove(tenantId: TenantId, id: AppId, actor: Actor): Promise<'done' | null>
}
