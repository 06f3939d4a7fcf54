// Two tenants with a row in every table, and what one of them calls with the other's ids.

import { randomBytes } from 'node:crypto'
import { activity } from '../../../../src/domain/activity.ts'
import type {
  ActivityId,
  ChallengeId,
  IntegrationId,
  WebhookEndpointId,
} from '../../../../src/domain/ids.ts'
import type { IntegrationPlan } from '../../../../src/domain/integration.ts'
import { plainMapping } from '../../../../src/domain/user-name.ts'
import { systemRandom } from '../../../../src/platform/crypto/random.ts'
import { answer, challengeOf } from '../../../challenges/challenge-steps.ts'
import { anUnconfirmedDevice } from '../../../enrollments/enrollment-steps.ts'
import { aGuess, createRecoveryCode } from '../../../passcodes/code-steps.ts'
import {
  aColleague,
  aDevice,
  aKey,
  anEnrollment,
  aStoredChallenge,
  aUser,
  type Stores,
  type TestUser,
  thumbprint,
} from '../../../support/stores.ts'

export type World = Awaited<ReturnType<typeof aWorld>>

type Party = Pick<TestUser, 'tenantId' | 'rpId'>

/** An endpoint as it is created. */
export function anEndpointAt(
  tenantId: Party['tenantId'],
  rpId: Party['rpId'],
  id: WebhookEndpointId,
) {
  const settings = { url: 'https://rp.example/', description: '', events: ['*'] as const }
  return { tenantId, rpId, id, ...settings, secretSealed: randomBytes(60) }
}

/** A queued event of an endpoint. */
export function aWebhookDelivery(tenantId: Party['tenantId'], endpointId: WebhookEndpointId) {
  const eventId = systemRandom.id('webhookEvent')
  const event = { type: 'webhook.test', userId: null, data: {}, occurredAt: new Date() } as const
  return { tenantId, endpointId, eventId, ...event, staleAt: new Date(Date.now() + 3_600_000) }
}

const aPlan: IntegrationPlan = {
  name: 'VPN',
  settings: { kind: 'wait' },
  numberMode: 'caller',
  namespace: 'default',
  userNames: plainMapping,
  allowedAddresses: [],
  policy: {},
  ttlSeconds: null,
  status: 'active',
}

/** A door as it is created. */
export function aDoorAt(tenantId: Party['tenantId'], rpId: Party['rpId'], id: IntegrationId) {
  return { ...aPlan, tenantId, id, rpId, integrationKey: null }
}

export const aSecret = () => ({
  id: systemRandom.id('integrationCredential'),
  secretHash: randomBytes(32),
  expiresAt: null,
})

type AtIntegration = { readonly integrationId: IntegrationId }
type Asked = AtIntegration & { readonly pending: ChallengeId }
type Shown = AtIntegration & Pick<TestUser, 'userId'>

export const aCallback = (my: Party, { pending, integrationId }: Asked) => ({
  tenantId: my.tenantId,
  challengeId: pending,
  integrationId,
  issuer: 'https://id.example/realms/staff',
  tokenSealed: randomBytes(40),
  delayMs: 0,
})

export const aNumber = (my: Party, { userId, integrationId }: Shown) => ({
  tenantId: my.tenantId,
  integrationId,
  id: systemRandom.id('shownNumber'),
  userId,
  place: randomBytes(32),
  numberSealed: randomBytes(40),
})

/** A prompt as it is opened. */
export const aPromptAt = ({ tenantId }: Pick<Party, 'tenantId'>, integrationId: IntegrationId) => ({
  ...{ tenantId, integrationId, id: systemRandom.id('prompt') },
  request: {
    redirectUri: 'https://client.example/callback',
    responseType: 'code',
    responseMode: 'query',
    ...{ state: null, nonce: null, codeChallenge: 'x', acr: null, askedMethods: null },
    ...{ subject: 'ada', displayName: 'Ada', isBound: true },
  } as const,
  ...{ userName: 'ada', language: 'en', seconds: 600 },
  ...{ browserHash: randomBytes(32), requestHash: randomBytes(32), hintHash: randomBytes(32) },
})

/** Somebody who may enroll a first device: in a window, and by a code. */
async function addNewcomer(stores: Stores, user: TestUser) {
  const { userId, tenantId } = await aColleague(stores, user, 'newcomer')
  await stores.enrollmentWindows.open({ tenantId, userId, minutes: 60 }, 'operator')
  const code = { hash: randomBytes(32), keySealed: randomBytes(60) }
  const id = systemRandom.id('singleUseCode')
  await stores.passcodes.replaceTemporaryCode({
    ...{ tenantId, userId, ttlSeconds: 600, code: { ...code, id } },
    activity: activity({ userId, type: 'temporary_code_made', actor: 'operator' }),
    actor: `api_key:${systemRandom.id('apiKey')}`,
  })
  return { newcomerId: userId, newcomerCodeId: id }
}

/** Open and answered prompts of a tenant, and what its client has sent ahead. */
async function addPrompts(stores: Stores, user: TestUser, integrationId: IntegrationId) {
  const { tenantId } = user
  const [open, answered] = [aPromptAt(user, integrationId), aPromptAt(user, integrationId)]
  const [promptCodeHash, pushedHash] = [randomBytes(32), randomBytes(32)]
  await stores.prompts.open(open)
  await stores.prompts.open(answered)
  const evidence = { amr: ['hwk'], verifiedAt: new Date() }
  await stores.prompts.end(answered, { outcome: 'approved', evidence })
  await stores.prompts.answer(answered, { hash: promptCodeHash, sealed: randomBytes(60) })
  const owner = { tenantId, integrationId, seconds: 60 }
  await stores.clientRequests.push({ ...owner, hash: pushedHash, parameters: {} })
  await stores.clientRequests.useAssertion({ ...owner, hash: randomBytes(32) })
  const key = { kid: thumbprint(), alg: 'ES256', publicJwk: {} } as const
  const secrets = { certificate: randomBytes(9), privateSealed: randomBytes(60) }
  await stores.oidcKeys.addFirst(tenantId, [{ ...key, ...secrets }], 'operator')
  const newcomer = await addNewcomer(stores, user)
  await stores.database.query(
    'allow_enrollment',
    `update integrations set settings = settings || '{"enrollmentAllowed": true}'
      where tenant_id = $1`,
    [tenantId],
  )
  const promptIds = { promptId: open.id, answeredPromptId: answered.id }
  return { ...promptIds, promptCodeHash, pushedHash, ...newcomer }
}

/** A tenant with a row in every table. */
export async function aWorld(stores: Stores) {
  const user = await aUser(stores)
  const { tenantId, rpId } = user
  const apiKeyId = systemRandom.id('apiKey')
  const key = { tenantId, id: apiKeyId, rpId, name: 'key', scopes: [], expiresAt: null } as const
  await stores.apiKeys.create({ ...key, allowedAddresses: [] }, randomBytes(32), 'operator')
  const [codeHash, typedCodeHash] = [randomBytes(32), randomBytes(32)]
  const open = await anEnrollment(stores, user, { codeHash, typedCodeHash })
  const waiting = await anUnconfirmedDevice(stores, user)
  const deviceKey = aKey()
  const deviceId = await aDevice(stores, user, { keys: [deviceKey] })
  await createRecoveryCode(stores, user)
  await stores.passcodes.attempt(aGuess(user))
  const [unregisteredDevice, suspendedDevice] = [
    await aDevice(stores, user),
    await aDevice(stores, user),
  ]
  const about = { tenantId, userId: user.userId, actor: 'operator' } as const
  await stores.devices.unregister({ ...about, deviceIds: [unregisteredDevice], reason: 'lost' })
  await stores.suspensions.suspendDevice({ ...about, deviceId: suspendedDevice })
  const { userId: stoppedUserId } = await aColleague(stores, user, 'stopped')
  await stores.suspensions.suspendUser({ ...about, userId: stoppedUserId })
  const [linkHash, sessionHash, openedHash] = [randomBytes(32), randomBytes(32), randomBytes(32)]
  const linkFacts = { tenantId, userId: user.userId, rpId, linkScopes: [], linkSeconds: 60 }
  const portalId = systemRandom.id('portalSession')
  const linkActivity = activity({
    userId: user.userId,
    type: 'portal_link_made',
    actor: 'operator',
  })
  const unopenedLinkId = systemRandom.id('portalSession')
  await stores.portal.createLink({ ...linkFacts, id: unopenedLinkId, linkHash }, linkActivity)
  await stores.portal.createLink({ ...linkFacts, id: portalId, linkHash: openedHash }, linkActivity)
  await stores.portal.open(tenantId, openedHash, { hash: sessionHash, seconds: 60 })
  const incidentId = systemRandom.id('diagnostics')
  await stores.database.query(
    'insert_test_diagnostics',
    `insert into diagnostics (tenant_id, id, user_id, device_id, app_version, text, created_at)
     values ($1, $2, $3, $4, '1', 'x', clock_timestamp() + interval '1 day')`,
    [tenantId, incidentId, user.userId, deviceId],
  )
  const reportId = systemRandom.id('report')
  const activityId = systemRandom.id('activity')
  await stores.database.query(
    'insert_test_report',
    `insert into reports (tenant_id, id, user_id, device_id, activity_id)
     values ($1, $2, $3, $4, $5)`,
    [tenantId, reportId, user.userId, deviceId, activityId],
  )
  const replacedKid = thumbprint()
  await stores.database.query(
    'insert_test_replaced_key',
    `insert into replaced_device_keys (tenant_id, device_id, kid, role, public_jwk, mac)
     select tenant_id, device_id, $2, role, public_jwk, mac from device_keys
     where tenant_id = $1 and kid = $3`,
    [tenantId, replacedKid, deviceKey.kid],
  )
  const name = thumbprint()
  await aColleague(stores, user, name)
  const pending = await aStoredChallenge(stores, user, [deviceId])
  const over = await aStoredChallenge(stores, user, [deviceId], { ttlMs: -1 })
  const decidedId = await aStoredChallenge(stores, user, [deviceId])
  const signature = { kid: deviceKey.kid }
  await answer(
    stores,
    user,
    await challengeOf(stores, user, decidedId),
    deviceId,
    'approve',
    signature,
  )
  const [noticeRow] = await stores.database.query<{ id: ActivityId }>(
    'an_owed_one',
    `update activities set notice = 'owed' where tenant_id = $1 and type = 'user_imported'
      and user_id = $2
     returning id`,
    [tenantId, user.userId],
  )
  if (!noticeRow) throw new Error('the user was imported')
  await stores.database.query(
    'their_wishes',
    `update users set notification_preferences = '{"sign_in": "off"}' where tenant_id = $1`,
    [tenantId],
  )
  const appId = systemRandom.id('app')
  const testPushId = systemRandom.id('delivery')
  await stores.testPushes.enqueue({
    tenantId,
    userId: user.userId,
    deviceId,
    id: testPushId,
    protectionRevision: 0,
    gapSeconds: 0,
    perHourMax: 1,
    activity: activity({ userId: user.userId, type: 'test_pushed', actor: 'operator' }),
    leasedBy: 'another',
  })
  const app = {
    tenantId,
    id: appId,
    provider: 'fcm',
    appId: `com.${tenantId}`,
    name: 'App',
  } as const
  await stores.apps.create(app, randomBytes(40), 'operator')
  const endpointId = systemRandom.id('webhookEndpoint')
  await stores.webhookEndpoints.create(anEndpointAt(tenantId, rpId, endpointId), 20, 'operator')
  const integrationId = systemRandom.id('integration')
  const credential = aSecret()
  const door = aDoorAt(tenantId, rpId, integrationId)
  const integration = await stores.integrations.create(door, credential, 'operator')
  const queuedEvent = aWebhookDelivery(tenantId, endpointId)
  await stores.webhookDeliveries.enqueue(queuedEvent)
  await stores.database.query(
    'their_lease',
    `update webhook_deliveries set leased_by = 'test', leased_until = 'infinity'
      where tenant_id = $1`,
    [tenantId],
  )
  const world = {
    ...(await addPrompts(stores, user, integrationId)),
    integrationId,
    integration,
    credentialId: credential.id,
    endpointId,
    eventId: queuedEvent.eventId,
    ...user,
    user,
    noticeId: noticeRow.id,
    appId,
    testPushId,
    apiKeyId,
    reportId,
    incidentId,
    codeHash,
    typedCodeHash,
    open,
    waiting,
    deviceId,
    replacedKid,
    unregisteredDevice,
    suspendedDevice,
    stoppedUserId,
    linkHash,
    sessionHash,
    portalId,
    name,
    pending,
    over,
    decidedId,
  }
  await stores.keycloakCallbacks.enqueue(aCallback(world, world))
  const following = { tenantId, challengeId: pending, holdMs: 1 }
  await stores.doors.follow({ ...following, integrationId })
  const shownNumber = aNumber(world, world)
  await stores.doors.saveNumber(shownNumber, 600)
  return { ...world, shownNumber }
}

export const page = { limit: 100, before: null }

/** What my tenant calls with their ids, and the empty result of it. */
export type Call = readonly [
  call: (stores: Stores, mine: World, theirs: World) => Promise<unknown>,
  expected: unknown,
]

export const anEvent = (my: World) =>
  activity({ userId: my.userId, type: 'device_renamed', actor: 'operator' })

export const endpointOf = (my: World, { rpId, endpointId: id }: World) => ({ ...my.user, rpId, id })
