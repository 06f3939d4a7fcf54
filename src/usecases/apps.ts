// The mobile apps of a tenant and their push credentials, which no answer ever holds.

import type { Actor } from '../domain/activity.ts'
import type { AppId, TenantId } from '../domain/ids.ts'
import { withPemLines } from '../domain/pem.ts'
import { type Refusal, refuse } from '../domain/refusal.ts'
import type { ApnsCredentials, App, AppStore, FcmCredentials } from '../ports/app-store.ts'
import type { Signals } from '../ports/signals.ts'
import type { Random, Sealing } from '../ports/world.ts'

export type Needs = {
  readonly apps: AppStore
  readonly sealing: Pick<Sealing, 'seal'>
  readonly random: Pick<Random, 'id'>
  readonly signals: Pick<Signals, 'publish'>
}

/** Credentials by the provider that gave them. */
export type AppCredentials =
  | { readonly provider: 'apns'; readonly apns: ApnsCredentials }
  | { readonly provider: 'fcm'; readonly fcm: FcmCredentials }

/** Signals under this prefix name an app whose credentials changed or went: whoever holds them open must read again. */
export const appSignalPrefix = 'app:'

/** Binding under which the credentials of an app are sealed. */
export function appCredentialsBinding(tenantId: TenantId, id: AppId): string {
  return `app-credentials:${tenantId}:${id}`
}

/** What sending needs of the file; whatever else stands in it is not kept. */
function kept({ project_id, client_email, private_key, private_key_id }: FcmCredentials) {
  return { project_id, client_email, private_key: withPemLines(private_key), private_key_id }
}

function sealed({ sealing }: Needs, tenantId: TenantId, id: AppId, credentials: AppCredentials) {
  const secret =
    credentials.provider === 'apns'
      ? { ...credentials.apns, pem: withPemLines(credentials.apns.pem) }
      : kept(credentials.fcm)
  return sealing.seal(JSON.stringify(secret), appCredentialsBinding(tenantId, id))
}

/** Adds an app. Pushes to its devices use these credentials from the next few seconds on, in every process. */
export async function addApp(
  needs: Needs,
  tenantId: TenantId,
  { appId, name, credentials }: Pick<App, 'appId' | 'name'> & { credentials: AppCredentials },
  actor: Actor,
): Promise<App | Refusal> {
  const id = needs.random.id('app')
  const { provider } = credentials
  const secret = sealed(needs, tenantId, id, credentials)
  const added = await needs.apps.add({ tenantId, id, provider, appId, name }, secret, actor)
  if (!added) return refuse('app_taken')
  needs.signals.publish(`${appSignalPrefix}${tenantId}`)
  return added
}

/** Changes the name or the credentials of an app; credentials of the other provider are another app. */
export async function changeApp(
  needs: Needs,
  tenantId: TenantId,
  id: AppId,
  { name, credentials }: { readonly name?: string; readonly credentials?: AppCredentials },
  actor: Actor,
): Promise<App | Refusal> {
  const app = await needs.apps.find(tenantId, id)
  if (!app) return refuse('not_found')
  if (credentials && credentials.provider !== app.provider) {
    return refuse('invalid_request', { hint: `This app takes credentials of ${app.provider}.` })
  }
  const changes = {
    ...(name !== undefined && { name }),
    ...(credentials && { credentialsSealed: sealed(needs, tenantId, id, credentials) }),
  }
  const changed = await needs.apps.change(tenantId, id, changes, actor)
  if (!changed) return refuse('not_found')
  needs.signals.publish(`${appSignalPrefix}${tenantId}`)
  return changed
}

/** Removes an app with its credentials. Its devices stay, and are pushed only if the environment configures the same app. */
export async function removeApp(
  needs: Needs,
  tenantId: TenantId,
  id: AppId,
  actor: Actor,
): Promise<Refusal | undefined> {
  if (!(await needs.apps.remove(tenantId, id, actor))) return refuse('not_found')
  needs.signals.publish(`${appSignalPrefix}${tenantId}`)
  return undefined
}

/** One app of the tenant. */
export async function readApp(
  { apps }: Pick<Needs, 'apps'>,
  tenantId: TenantId,
  id: AppId,
): Promise<App | Refusal> {
  return (await apps.find(tenantId, id)) ?? refuse('not_found')
}
