// The mobile apps of a tenant and their push credentials, which no response ever contains.

import type { Actor } from '../domain/activity.ts'
import type { AppId, TenantId } from '../domain/ids.ts'
import { withPemLines } from '../domain/pem.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { Signals } from '../platform/signals.ts'
import type { Random, Sealing } from '../platform/world.ts'
import type { ApnsCredentials, App, AppStore, FcmCredentials } from './app.store.ts'

export type Dependencies = {
  readonly apps: AppStore
  readonly sealing: Pick<Sealing, 'seal'>
  readonly random: Pick<Random, 'id'>
  readonly signals: Pick<Signals, 'publish'>
}

/** Credentials by the provider that gave them. */
export type AppCredentials =
  | { readonly provider: 'apns'; readonly apns: ApnsCredentials }
  | { readonly provider: 'fcm'; readonly fcm: FcmCredentials }

/**
 * A signal of this prefix names a tenant whose apps' credentials changed or were removed: a process
 * that has them loaded must read them again.
 */
export const appSignalPrefix = 'app:'

/** Binding under which the credentials of an app are sealed. */
export function appCredentialsBinding(tenantId: TenantId, id: AppId): string {
  return `app-credentials:${tenantId}:${id}`
}

/** The apps of a tenant. */
export function listApps({ apps }: Pick<Dependencies, 'apps'>, tenantId: TenantId): Promise<App[]> {
  return apps.list(tenantId)
}

/** The members of the file that sending needs; no others are stored. */
function neededCredentials({
  project_id,
  client_email,
  private_key,
  private_key_id,
}: FcmCredentials) {
  return { project_id, client_email, private_key: withPemLines(private_key), private_key_id }
}

function sealCredentials(
  { sealing }: Dependencies,
  tenantId: TenantId,
  id: AppId,
  credentials: AppCredentials,
) {
  const secret =
    credentials.provider === 'apns'
      ? { ...credentials.apns, pem: withPemLines(credentials.apns.pem) }
      : neededCredentials(credentials.fcm)
  return sealing.seal(JSON.stringify(secret), appCredentialsBinding(tenantId, id))
}

/**
 * Creates an app. Pushes to its devices use these credentials within a few seconds, in every
 * process.
 */
export async function createApp(
  dependencies: Dependencies,
  tenantId: TenantId,
  { appId, name, credentials }: Pick<App, 'appId' | 'name'> & { credentials: AppCredentials },
  actor: Actor,
): Promise<App | Refusal<'app_taken'>> {
  const id = dependencies.random.id('app')
  const { provider } = credentials
  const secret = sealCredentials(dependencies, tenantId, id, credentials)
  const app = await dependencies.apps.create({ tenantId, id, provider, appId, name }, secret, actor)
  if (!app) return refuse('app_taken')
  dependencies.signals.publish(`${appSignalPrefix}${tenantId}`)
  return app
}

/**
 * Changes the name or the credentials of an app; credentials of the other provider are another app.
 */
export async function changeApp(
  dependencies: Dependencies,
  tenantId: TenantId,
  id: AppId,
  { name, credentials }: { readonly name?: string; readonly credentials?: AppCredentials },
  actor: Actor,
): Promise<App | Refusal<'invalid_request' | 'not_found'>> {
  const app = await dependencies.apps.find(tenantId, id)
  if (!app) return refuse('not_found')
  if (credentials && credentials.provider !== app.provider) {
    return refuse('invalid_request', { hint: `This app takes credentials of ${app.provider}.` })
  }
  const changes = {
    ...(name !== undefined && { name }),
    ...(credentials && {
      credentialsSealed: sealCredentials(dependencies, tenantId, id, credentials),
    }),
  }
  const changedApp = await dependencies.apps.change(tenantId, id, changes, actor)
  if (!changedApp) return refuse('not_found')
  dependencies.signals.publish(`${appSignalPrefix}${tenantId}`)
  return changedApp
}

/**
 * Removes an app with its credentials. Its devices stay, and receive pushes only if the environment
 * configures the same app.
 */
export async function removeApp(
  dependencies: Dependencies,
  tenantId: TenantId,
  id: AppId,
  actor: Actor,
): Promise<Refusal<'not_found'> | undefined> {
  const removal = await dependencies.apps.remove(tenantId, id, actor)
  if (removal === null) return refuse('not_found')
  dependencies.signals.publish(`${appSignalPrefix}${tenantId}`)
  return undefined
}

/** One app of the tenant. */
export async function readApp(
  { apps }: Pick<Dependencies, 'apps'>,
  tenantId: TenantId,
  id: AppId,
): Promise<App | Refusal<'not_found'>> {
  return (await apps.find(tenantId, id)) ?? refuse('not_found')
}
