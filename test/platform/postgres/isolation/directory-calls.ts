import { randomBytes } from 'node:crypto'
import { systemRandom } from '../../../../src/platform/crypto/random.ts'
import { aSecret, type Call, page } from './two-worlds.ts'

/** Calls about tenants, relying parties, users and their credentials. */
export const directoryCalls: Readonly<Record<string, Call>> = {
  'integrations.list': [
    async ({ integrations }, my, their) => [
      ...(await integrations.list(my.tenantId, their.rpId)),
      ...(await integrations.list(my.tenantId, null)).filter(
        ({ id }) => id === their.integrationId,
      ),
    ],
    [],
  ],
  'integrations.find': [
    ({ integrations }, my, their) => integrations.find(my.tenantId, their.integrationId),
    null,
  ],
  'integrations.change': [
    ({ integrations }, my, { integration }) => {
      const was = { ...integration, tenantId: my.tenantId }
      return integrations.change(was, { ...was, status: 'paused' }, aSecret(), 'operator')
    },
    null,
  ],
  'integrations.rotate': [
    ({ integrations }, my, { integrationId: id }) =>
      integrations.rotate({ tenantId: my.tenantId, id, overlapSeconds: 0 }, aSecret(), 'operator'),
    null,
  ],
  'integrations.remove': [
    ({ integrations }, my, their) =>
      integrations.remove(my.tenantId, their.integrationId, 'operator'),
    null,
  ],
  'integrations.endCredential': [
    ({ integrations }, my, { integrationId, credentialId: id }) => {
      const credential = { tenantId: my.tenantId, integrationId, id, endsAt: new Date(0) }
      return integrations.endCredential(credential, 'operator')
    },
    null,
  ],
  'integrations.recordTest': [
    ({ integrations }, my, { integrationId: id }) => {
      const details = { passed: true, failed: [] }
      return integrations.recordTest({ tenantId: my.tenantId, id }, details, 'operator')
    },
    false,
  ],
  'integrations.recordUses': [
    ({ integrations }, my, { integrationId: id }) => {
      const lastError = { code: 'forged', at: new Date() }
      const use = { tenantId: my.tenantId, id, uses: 1, usedAt: new Date(), lastError }
      return integrations.recordUses([use])
    },
    undefined,
  ],
  'doors.consumeNumbers': [
    async ({ doors }, my, their) => {
      const search = { ...their.shownNumber, tenantId: my.tenantId }
      const { id: _, ...atPlace } = search
      return [...(await doors.consumeNumbers(search)), ...(await doors.consumeNumbers(atPlace))]
    },
    [],
  ],
  'doors.countAnswer': [
    ({ doors }, my, their) => doors.countAnswer(my.tenantId, their.integrationId, their.pending),
    null,
  ],
  'keycloakCallbacks.postpone': [
    ({ keycloakCallbacks }, my, { pending: challengeId }) =>
      keycloakCallbacks.postpone({ tenantId: my.tenantId, challengeId }, 1),
    undefined,
  ],
  'keycloakCallbacks.settle': [
    ({ keycloakCallbacks }, my, { pending: challengeId }) =>
      keycloakCallbacks.settle({ tenantId: my.tenantId, challengeId }, 'forged'),
    undefined,
  ],
  'tenants.changeReturnOrigins': [
    ({ tenants }, my, their) =>
      tenants.changeReturnOrigins(
        { tenantId: my.tenantId, id: their.rpId, returnOrigins: [] },
        'operator',
      ),
    null,
  ],
  'tenants.findRelyingParty': [
    ({ tenants }, my, their) => tenants.findRelyingParty(my.tenantId, their.rpId),
    null,
  ],
  'tenants.listRelyingParties': [
    async ({ tenants }, my, their) =>
      (await tenants.listRelyingParties(my.tenantId)).filter(({ id }) => id === their.rpId),
    [],
  ],
  'apiKeys.list': [
    async ({ apiKeys }, my, their) =>
      (await apiKeys.list(my.tenantId)).filter(({ id }) => id === their.apiKeyId),
    [],
  ],
  'apiKeys.rotate': [
    ({ apiKeys }, my, their) =>
      apiKeys.rotate(
        {
          tenantId: my.tenantId,
          id: their.apiKeyId,
          successorId: systemRandom.id('apiKey'),
          overlapSeconds: 0,
          expiresAt: null,
        },
        randomBytes(32),
        'operator',
      ),
    null,
  ],
  'apiKeys.revoke': [
    ({ apiKeys }, my, their) => apiKeys.revoke(my.tenantId, their.apiKeyId, 'operator'),
    null,
  ],
  'apiKeys.touch': [
    ({ apiKeys }, my, their) => apiKeys.touch([{ tenantId: my.tenantId, id: their.apiKeyId }]),
    undefined,
  ],
  'users.changeLanguage': [
    ({ users }, my, their) => users.changeLanguage(my.tenantId, their.userId, 'nl', 'operator'),
    null,
  ],
  'users.find': [({ users }, my, their) => users.find(my.tenantId, their.userId), null],
  'users.findByIdentifier': [
    async ({ users }, my, their) => {
      return users.findByIdentifier(my.tenantId, { namespace: 'default', value: their.name })
    },
    null,
  ],
  'users.list': [
    async ({ users }, my, their) =>
      (await users.list(my.tenantId, ['default'], page)).filter(({ id }) => id === their.userId),
    [],
  ],
  'signingKeys.findPrivate': [
    ({ signingKeys }, my, their) => signingKeys.findPrivate(my.tenantId, their.signingKid),
    null,
  ],
  'signingKeys.list': [
    async ({ signingKeys }, my, their) =>
      (await signingKeys.list(my.tenantId)).filter(({ kid }) => kid === their.signingKid),
    [],
  ],
  'apps.find': [({ apps }, my, their) => apps.find(my.tenantId, their.appId), null],
  'apps.list': [
    async ({ apps }, my, their) =>
      (await apps.list(my.tenantId)).filter(({ id }) => id === their.appId),
    [],
  ],
  'apps.findCredentials': [
    ({ apps }, my, their) =>
      apps.findCredentials(my.tenantId, { provider: 'fcm', appId: `com.${their.tenantId}` }),
    null,
  ],
  'apps.change': [
    ({ apps }, my, their) => apps.change(my.tenantId, their.appId, { name: 'Mine' }, 'operator'),
    null,
  ],
  'apps.remove': [({ apps }, my, their) => apps.remove(my.tenantId, their.appId, 'operator'), null],
}
