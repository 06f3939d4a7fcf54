import { pino } from 'pino'
import { isRefusal } from '../../src/domain/refusal.ts'
import { scopes } from '../../src/domain/scope.ts'
import { openOperations } from '../../src/service/open-operations.ts'
import { createScene, successOf, type Tenancy } from './authorisation-scene.ts'
import { expectGranted } from './expect-granted.ts'
import { createApi, enrollPhone, startTestService } from './running-service.ts'

/**
 * A service with two tenants, and a user in one of them who has one of everything that a route can
 * name.
 */
export async function openTenancies() {
  const keys = new Map<string, string>()
  // No worker: only calls change the tables.
  const service = await startTestService({ role: 'api' })
  // The first call creates the key, once for the installation.
  await fetch(`${service.origin}/device/v1/web-push-key`)
  const log = pino({ level: 'silent' })
  const operator = await openOperations(service.config, service.origin, log)
  const tenant = await expectGranted(operator.createTenant('Other'))
  for (const [name, tenantId, namespaces] of [
    ['an admin key of another relying party of the tenant', service.tenantId, ['other']],
    ['an admin key of another tenant', tenant.id, ['default']],
  ] as const) {
    const party = await expectGranted(
      operator.createRelyingParty({
        tenantId: tenantId as typeof tenant.id,
        name,
        namespaces,
      }),
    )
    const input = { tenantId: party.tenantId, rpId: party.id, name, scopes, expiresAt: null }
    const key = await operator.createApiKey(input)
    if (isRefusal(key)) throw new Error(key.refused)
    keys.set(name, key.secret)
  }
  await operator.close()
  keys.set('an admin key of the relying party', service.key)
  const [{ id: relyingPartyId }] = (
    await successOf(service.api, 'GET', '/v1/relying-parties')
  ).items.filter(({ name }: { name: string }) => name === 'Default')
  for (const scope of scopes.filter((one) => one !== 'admin')) {
    const otherScopes = scopes.filter((one) => one !== 'admin' && one !== scope)
    const body = { relyingPartyId, name: scope, scopes: otherScopes }
    keys.set(
      `all but ${scope}`,
      (await successOf(service.api, 'POST', '/v1/api-keys', body)).secret,
    )
  }
  const all = { relyingPartyId, name: 'x', scopes: scopes.filter((one) => one !== 'admin') }
  keys.set('all but admin', (await successOf(service.api, 'POST', '/v1/api-keys', all)).secret)
  const api = createApi(service.origin, keys.get('an admin key of another tenant') ?? '')
  const otherTenant: Tenancy = { ...service, tenantId: tenant.id, api }

  const victim = createScene(service)
  const stranger = createScene(service)
  const elsewhere = createScene(otherTenant)
  await Promise.all([victim.phone(), stranger.phone(), elsewhere.phone(), stranger.integration()])
  const unregisteredPhone = await enrollPhone(service, { user: victim.name })
  await unregisteredPhone.client.unregister()
  await unregisteredPhone.client.self().catch(() => 'the user is notified once')
  const suspendedPhone = await enrollPhone(service, { user: victim.name })
  await successOf(service.api, 'PATCH', `/v1/devices/${suspendedPhone.deviceId}`, {
    status: 'suspended',
  })
  for (const thing of [
    victim.user,
    victim.party,
    victim.lost,
    victim.activity,
    victim.apiKey,
    victim.app,
    victim.integration,
    victim.enrollment,
    victim.nextEnrollment,
    victim.portalEnrollment,
    victim.decided,
    victim.challenge,
    victim.temporaryCode,
    victim.testPushed,
    victim.endpoint,
  ]) {
    await thing()
  }
  // The first fetch of a phone is recorded.
  await (await victim.phone()).client.pending()
  // A report ends the pending challenge, so another user's is used.
  const reportingScene = createScene(service)
  await reportingScene.report()
  await victim.incident()
  return {
    service,
    otherTenant,
    /** The target of all calls. */
    victim: { ...victim, report: reportingScene.report },
    stranger,
    elsewhere,
    unregisteredPhone,
    suspendedPhone,
    /** The secrets of the API keys, by their callers. */
    keys,
  }
}

export type Tenancies = Awaited<ReturnType<typeof openTenancies>>
