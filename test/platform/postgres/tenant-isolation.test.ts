import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { activity } from '../../../src/domain/activity.ts'
import { confirmEnrollment } from '../../../src/domain/enrollment.ts'
import type { ActivityId, IntegrationId, WebhookEndpointId } from '../../../src/domain/ids.ts'
import type { IntegrationPlan } from '../../../src/domain/integration.ts'
import { preferencesOf } from '../../../src/domain/notice.ts'
import { plainMapping } from '../../../src/domain/user-name.ts'
import { systemRandom } from '../../../src/platform/crypto/random.ts'
import { answer, challengeOf, resend } from '../../challenges/challenge-steps.ts'
import { anUnconfirmedDevice, numberSealed } from '../../enrollments/enrollment-steps.ts'
import { aGuess, createRecoveryCode, createTemporaryCode } from '../../passcodes/code-steps.ts'
import { everythingOn } from '../../support/personal-data.ts'
import {
  aChallenge,
  aClaim,
  aColleague,
  aDevice,
  aKey,
  aNewChallenge,
  anAnswer,
  anEnrollment,
  anyRequest,
  aProof,
  aUser,
  freshProtection,
  noExceptions,
  openStores,
  type Stores,
  type TestUser,
  thumbprint,
} from '../../support/stores.ts'

type World = Awaited<ReturnType<typeof aWorld>>

type Party = Pick<TestUser, 'tenantId' | 'rpId'>

/** An endpoint as it is created. */
function anEndpointAt(tenantId: Party['tenantId'], rpId: Party['rpId'], id: WebhookEndpointId) {
  const settings = { url: 'https://rp.example/', description: '', events: ['*'] as const }
  return { tenantId, rpId, id, ...settings, secretSealed: randomBytes(60) }
}

/** A queued event of an endpoint. */
function aWebhookDelivery(tenantId: Party['tenantId'], endpointId: WebhookEndpointId) {
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
function aDoorAt(tenantId: Party['tenantId'], rpId: Party['rpId'], id: IntegrationId) {
  return { ...aPlan, tenantId, id, rpId, integrationKey: null }
}

const aSecret = () => ({
  id: systemRandom.id('integrationCredential'),
  secretHash: randomBytes(32),
  expiresAt: null,
})

const aCallback = (my: World, { pending, integrationId }: World) => ({
  tenantId: my.tenantId,
  challengeId: pending,
  integrationId,
  issuer: 'https://id.example/realms/staff',
  tokenSealed: randomBytes(40),
  delayMs: 0,
})

const aNumber = (my: World, { userId, integrationId }: World) => ({
  tenantId: my.tenantId,
  integrationId,
  id: systemRandom.id('shownNumber'),
  userId,
  place: randomBytes(32),
  numberSealed: randomBytes(40),
})

/** A tenant with a row in every table. */
async function aWorld(stores: Stores) {
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
  const linkFacts = { tenantId, userId: user.userId, rpId, linkSeconds: 60 }
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
  const name = thumbprint()
  await aColleague(stores, user, name)
  const pending = await aChallenge(stores, user, [deviceId])
  const over = await aChallenge(stores, user, [deviceId], { ttlMs: -1 })
  const decidedId = await aChallenge(stores, user, [deviceId])
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
  await stores.testPushes.enqueue({
    tenantId,
    userId: user.userId,
    deviceId,
    id: systemRandom.id('delivery'),
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
  return {
    integrationId,
    integration,
    credentialId: credential.id,
    endpointId,
    eventId: queuedEvent.eventId,
    ...user,
    user,
    noticeId: noticeRow.id,
    appId,
    apiKeyId,
    reportId,
    incidentId,
    codeHash,
    typedCodeHash,
    open,
    waiting,
    deviceId,
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
}

let stores: Stores
let mine: World
let theirs: World
const shownNumbers = new Map<World, ReturnType<typeof aNumber>>()
function shownTo(my: World) {
  const number = shownNumbers.get(my)
  if (!number) throw new Error('everybody is shown a number')
  return number
}

beforeAll(async () => {
  stores = await openStores()
  mine = await aWorld(stores)
  theirs = await aWorld(stores)
  for (const my of [mine, theirs]) {
    await stores.keycloakCallbacks.enqueue(aCallback(my, my))
    const following = { tenantId: my.tenantId, challengeId: my.pending, holdMs: 1 }
    await stores.doors.follow({ ...following, integrationId: my.integrationId })
    shownNumbers.set(my, aNumber(my, my))
    await stores.doors.saveNumber(shownTo(my), 600)
  }
})
afterAll(() => stores.close())

const page = { limit: 100, before: null }

// What each method finds when my tenant calls it with their ids: nothing.
type Call = (stores: Stores, mine: World, theirs: World) => Promise<unknown>
const event = (my: World) =>
  activity({ userId: my.userId, type: 'device_renamed', actor: 'operator' })

const endpointOf = (my: World, { rpId, endpointId: id }: World) => ({ ...my.user, rpId, id })

const calls: Record<string, readonly [call: Call, expected: unknown]> = {
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
      const search = { ...shownTo(their), tenantId: my.tenantId }
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
  'personalData.openExport': [
    async ({ personalData }, my, their) =>
      Object.values(await everythingOn(personalData, my.tenantId, their.userId)).flat(),
    [],
  ],
  'personalData.cutOff': [
    ({ personalData }, my, their) =>
      personalData.cutOff(my.tenantId, their.userId, 'operator', noExceptions),
    { devices: [], endedChallenges: [] },
  ],
  'personalData.eraseRest': [
    ({ personalData }, my, their) => personalData.eraseRest(my.tenantId, their.userId, 100),
    'done',
  ],
  'personalData.settleErasure': [
    ({ personalData }, my, their) => personalData.settleErasure(my.tenantId, their.userId),
    undefined,
  ],
  'audit.list': [
    ({ audit }, my, their) => audit.list(my.tenantId, { subject: their.apiKeyId }, page),
    [],
  ],
  'audit.readLinks': [
    async ({ audit }, my, their) => {
      const links = ({ seq }: { seq: number }, rows: readonly { id: string }[]) =>
        rows.map(({ id }, n) => ({
          seq: seq + n + 1,
          rowId: id,
          occurredAtMicros: '0',
          coreDigest: '',
          detailsDigest: '',
          hash: '',
        }))
      await audit.lengthen(their.tenantId, { limit: 100, lookBackSeconds: 60 }, links)
      return audit.readLinks(my.tenantId, 0, 100)
    },
    [],
  ],
  'audit.readHeads': [
    async ({ audit }, my, their) => {
      await audit.saveHead(their.tenantId, { seq: 1_000, jws: 'head' })
      return audit.readHeads(my.tenantId)
    },
    [],
  ],
  'audit.readEnd': [
    ({ audit }, my) => audit.readEnd(my.tenantId),
    { seq: 0, hash: '', missing: false, unsettled: false },
  ],
  'audit.readExempting': [
    ({ audit }, my) => audit.readExempting(my.tenantId, 'user_erased', '', 10),
    [],
  ],
  'audit.countAbout': [
    ({ audit }, my, their) => audit.countAbout(my.tenantId, their.userId, `${10n ** 17n}`),
    { count: 0, from: '0', digest: '' },
  ],
  'audit.readPurgedLinks': [({ audit }, my) => audit.readPurgedLinks(my.tenantId, 0, 1_000), []],
  'audit.readCheckpoints': [({ audit }, my) => audit.readCheckpoints(my.tenantId), []],
  'audit.findLastHead': [
    async ({ audit }, my, their) => {
      await audit.saveHead(their.tenantId, { seq: 1_001, jws: 'head' })
      return audit.findLastHead(my.tenantId)
    },
    null,
  ],
  'audit.findOverdueRow': [({ audit }, my) => audit.findOverdueRow(my.tenantId), null],
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
  'passcodes.facts': [
    async ({ passcodes }, my, their) => {
      const { secrets, codes } = await passcodes.facts(my.tenantId, my.rpId, their.userId)
      return [...secrets, ...codes]
    },
    [],
  ],
  'passcodes.burnLateStep': [
    ({ passcodes }, { tenantId }, { userId, deviceId }) =>
      passcodes.burnLateStep({ tenantId, userId, deviceId, step: 1 }),
    null,
  ],
  'passcodes.otherFactors': [
    ({ passcodes }, my, their) => passcodes.otherFactors(my.tenantId, their.userId),
    { passcodeDevices: 0, recoveryCodesLeft: 0, temporaryCodeExpiresAt: null },
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
  'deviceSpans.take': [
    async ({ deviceSpans }, my, their) => {
      const span = { from: new Date(0), to: new Date(Date.now() + 60_000) }
      const event = { type: 'devices_unregistered_by_time', actor: 'operator' } as const
      const spanDevices = await deviceSpans.take(my.tenantId, span, 100, {
        ...event,
        subject: my.tenantId,
      })
      return spanDevices.filter(({ userId }) => userId === their.userId)
    },
    [],
  ],
  'portal.open': [
    ({ portal }, my, their) =>
      portal.open(my.tenantId, their.linkHash, { hash: randomBytes(32), seconds: 60 }),
    null,
  ],
  'portal.find': [({ portal }, my, their) => portal.find(my.tenantId, their.sessionHash), null],
  'portal.end': [({ portal }, my, their) => portal.end(my.tenantId, their.portalId), undefined],
  'enrollments.createByDevice': [
    ({ enrollments }, my, their) => {
      const { enrollment } = their.waiting
      const codes = { codeHash: randomBytes(32), typedCodeHash: randomBytes(32) }
      const newEnrollment = {
        ...enrollment,
        ...codes,
        id: systemRandom.id('enrollment'),
        ttlSeconds: 60,
      }
      const opener = { tenantId: my.tenantId, openedByDeviceId: their.deviceId }
      return enrollments.createByDevice(
        { ...newEnrollment, ...opener, activity: event(my) },
        aProof(my, my.deviceId),
      )
    },
    'changed',
  ],
  'enrollments.find': [
    ({ enrollments }, my, their) => enrollments.find(my.tenantId, their.open.id),
    null,
  ],
  'enrollments.cancel': [
    ({ enrollments }, my, their) =>
      enrollments.cancel(my.tenantId, their.open.id, their.rpId, event(my)),
    null,
  ],
  'enrollments.findByCode': [
    ({ enrollments }, my, their) => enrollments.findByCode(my.tenantId, their.codeHash),
    null,
  ],
  'enrollments.findByTypedCode': [
    ({ enrollments }, my, their) =>
      enrollments.findByTypedCode(my.tenantId, 'alice', their.typedCodeHash),
    null,
  ],
  'enrollments.claim': [
    ({ enrollments }, my, their) => {
      const { userId } = their
      return enrollments.claim(aClaim({ tenantId: my.tenantId, id: their.open.id, userId }))
    },
    { kind: 'not_open' },
  ],
  'enrollments.findForConfirmation': [
    ({ enrollments }, my, their) =>
      enrollments.findForConfirmation(my.tenantId, their.waiting.deviceId),
    null,
  ],
  'enrollments.confirm': [
    ({ enrollments }, my, their) => {
      const enrollment = { ...their.waiting.enrollment, tenantId: my.tenantId }
      const effect = confirmEnrollment(3, true)
      return enrollments.confirm(
        { enrollment, effect, activities: [] },
        aProof(my, their.waiting.deviceId),
      )
    },
    { kind: 'changed' },
  ],
  'devices.find': [({ devices }, my, their) => devices.find(my.tenantId, their.deviceId), null],
  'devices.findKnown': [
    ({ devices }, my, their) => devices.findKnown(my.tenantId, their.deviceId),
    null,
  ],
  'devices.hadErasedKey': [
    ({ devices }, my, their) => devices.hadErasedKey(my.tenantId, their.deviceId, randomBytes(32)),
    false,
  ],
  'devices.listOfUser': [
    ({ devices }, my, their) => devices.listOfUser(my.tenantId, their.userId),
    [],
  ],
  'devices.change': [
    ({ devices }, my, their) =>
      devices.change(my.tenantId, their.deviceId, { name: 'X' }, event(my)),
    null,
  ],
  'devices.changeWithProof': [
    ({ devices }, my, their) =>
      devices.changeWithProof(
        my.tenantId,
        their.deviceId,
        { name: 'X' },
        event(my),
        aProof(my, my.deviceId),
      ),
    null,
  ],
  'devices.setPushToken': [
    ({ devices }, my, their) =>
      devices.setPushToken(my.tenantId, their.deviceId, null, aProof(my, their.deviceId)),
    null,
  ],
  'devices.unregister': [
    ({ devices }, my, their) => {
      const { tenantId } = my
      const { userId, deviceId } = their
      return devices.unregister({
        tenantId,
        userId,
        deviceIds: [deviceId],
        reason: 'lost',
        actor: 'operator',
      })
    },
    { devices: [], endedChallenges: [] },
  ],
  'devices.unregisterWithProof': [
    ({ devices }, my, their) => {
      const { userId, deviceId } = their
      const about = { tenantId: my.tenantId, userId, deviceIds: [deviceId] }
      const proof = aProof(my, my.deviceId)
      return devices.unregisterWithProof({ ...about, reason: 'lost', actor: 'operator' }, proof)
    },
    { devices: [], endedChallenges: [] },
  ],
  'devices.recordRevokedUse': [
    ({ devices }, my, their) =>
      devices.recordRevokedUse(my.tenantId, { ...event(my), deviceId: their.unregisteredDevice }),
    null,
  ],
  'suspensions.suspendDevice': [
    ({ suspensions }, my, their) => {
      const { userId, deviceId } = their
      const { tenantId } = my
      return suspensions.suspendDevice({ tenantId, userId, deviceId, actor: 'operator' })
    },
    null,
  ],
  'suspensions.suspendUser': [
    ({ suspensions }, { tenantId }, { userId }) =>
      suspensions.suspendUser({ tenantId, userId, actor: 'operator' }),
    null,
  ],
  'suspensions.activateUser': [
    ({ suspensions }, { tenantId }, { stoppedUserId: userId }) =>
      suspensions.activateUser({ tenantId, userId, actor: 'operator' }),
    null,
  ],
  'suspensions.activateDevice': [
    ({ suspensions }, my, their) => {
      const { userId, suspendedDevice } = their
      const { tenantId } = my
      const about = { tenantId, userId, actor: 'operator' } as const
      return suspensions.activateDevice({ ...about, deviceId: suspendedDevice })
    },
    null,
  ],
  'challenges.loadCreation': [
    async ({ challenges }, my, their) => {
      const { tenantId, rpId } = my
      const query = { tenantId, rpId, namespaces: ['default'], idempotencyKey: null, ...anyRequest }
      const byId = await challenges.loadCreation({ ...query, user: { id: their.userId } })
      const identifier = { namespace: 'default', value: their.name }
      const byName = await challenges.loadCreation({ ...query, user: identifier })
      return [byId.userId, byId.devices, byName.userId]
    },
    [null, [], null],
  ],
  'challenges.create': [
    async (all, my, their) => [
      await all.challenges.create(await aNewChallenge(all, my, [their.deviceId]), 'test'),
      await all.challenges.create(
        await aNewChallenge(all, { ...my.user, userId: their.userId }, [my.deviceId]),
        'test',
      ),
    ],
    ['changed', 'changed'],
  ],
  'challenges.find': [
    ({ challenges }, my, their) => challenges.find(my.tenantId, their.rpId, their.pending),
    null,
  ],
  'challenges.list': [
    ({ challenges }, my, their) => {
      const { rpId, userId } = their
      return challenges.list({ tenantId: my.tenantId, rpId, userId, status: null }, page)
    },
    [],
  ],
  'challenges.findEvidence': [
    ({ challenges }, my, their) =>
      challenges.findEvidence(my.tenantId, their.rpId, their.decidedId),
    null,
  ],
  'challenges.loadPending': [
    ({ challenges }, my, their) => challenges.loadPending(my.tenantId, their.deviceId),
    null,
  ],
  'challenges.markFetched': [
    ({ challenges }, my, their) =>
      challenges.markFetched(my.tenantId, their.deviceId, [their.pending]),
    undefined,
  ],
  'challenges.markReceived': [
    ({ challenges }, my, their) =>
      challenges.markReceived(their.pending, aProof(my, their.deviceId)),
    null,
  ],
  'challenges.loadAnswer': [
    async ({ challenges }, my, their) => {
      const { tenantId, deviceId } = my
      const query = { tenantId, challengeId: their.pending, jti: 'jti' }
      const own = await challenges.loadAnswer({ ...query, deviceId })
      const foreign = await challenges.loadAnswer({ ...query, deviceId: their.deviceId })
      return [own?.target, foreign]
    },
    [null, null],
  ],
  'challenges.recordAnswer': [
    async ({ challenges }, my, their) => [
      await challenges.recordAnswer(
        anAnswer(my, their.pending, my.deviceId),
        aProof(my, my.deviceId),
      ),
      await challenges.recordAnswer(
        anAnswer(my, their.pending, their.deviceId),
        aProof(my, their.deviceId),
      ),
    ],
    [{ kind: 'changed' }, { kind: 'device_not_active' }],
  ],
  'challenges.cancel': [
    ({ challenges }, my, their) => {
      const about = { type: 'challenge_cancelled', severity: 'info', actor: 'operator' } as const
      return challenges.cancel(my.tenantId, their.rpId, their.pending, about, 'test')
    },
    null,
  ],
  'challenges.expire': [
    ({ challenges }, my, their) => challenges.expire({ tenantId: my.tenantId, id: their.over }, 1),
    [],
  ],
  'challenges.loadResend': [
    async (all, my, their) => {
      const challenge = await challengeOf(all, their.user, their.pending)
      return all.challenges.loadResend({ ...challenge, tenantId: my.tenantId })
    },
    null,
  ],
  'challenges.resend': [
    async (all, my, their) => {
      const challenge = await challengeOf(all, their.user, their.pending)
      return resend(all, { ...challenge, tenantId: my.tenantId, userId: my.userId })
    },
    'changed',
  ],
  'deliveries.settle': [
    async ({ deliveries, database }, my, their) => {
      const [push] = await database.query<{ id: `dlv_${string}` }>(
        'owed_by_them',
        `select id from deliveries where tenant_id = $1 and status = 'queued'
          and leased_by = 'test'`,
        [their.tenantId],
      )
      if (!push) throw new Error('they have a queued push')
      const outcome = { status: 'failed', reason: 'mine' } as const
      return deliveries.settle('test', [{ tenantId: my.tenantId, id: push.id, outcome }])
    },
    undefined,
  ],
  'activities.find': [
    async ({ activities }, my, their) => {
      const [one] = await activities.list(their.tenantId, their.userId, page)
      return activities.find(my.tenantId, one?.id ?? systemRandom.id('activity'))
    },
    null,
  ],
  'protections.find': [
    ({ protections }, my, their) => protections.find(my.tenantId, their.userId),
    null,
  ],
  'protections.change': [
    ({ protections }, my, their) =>
      protections.change(my.tenantId, their.userId, freshProtection, [], null),
    'changed',
  ],
  'retention.purge': [
    ({ retention }, my) =>
      retention.purge('diagnostics', my.tenantId, new Date(), 10, noExceptions),
    0,
  ],
  'diagnostics.find': [
    ({ diagnostics }, my, their) => diagnostics.find(my.tenantId, their.incidentId),
    null,
  ],
  'diagnostics.list': [
    async ({ diagnostics }, my, their) =>
      (await diagnostics.list(my.tenantId, page)).filter(({ id }) => id === their.incidentId),
    [],
  ],
  'protections.unlock': [
    ({ protections }, my, their) =>
      protections.unlock(my.tenantId, their.userId, freshProtection, []),
    'changed',
  ],
  'reports.find': [({ reports }, my, their) => reports.find(my.tenantId, their.reportId), null],
  'reports.list': [
    async ({ reports }, my, their) =>
      (await reports.list(my.tenantId, 'open', page)).filter(({ id }) => id === their.reportId),
    [],
  ],
  'reports.resolve': [
    ({ reports }, my, their) => {
      const { tenantId } = my
      const resolution = { resolution: 'fraud', note: null, resolvedBy: 'operator' } as const
      const audit = { type: 'report_resolved', actor: 'operator', subject: their.reportId } as const
      return reports.resolve({ tenantId, id: their.reportId, ...resolution }, audit)
    },
    null,
  ],
  'reports.reportActivity': [
    async ({ reports, activities }, my, their) => {
      const [one] = await activities.list(their.tenantId, their.userId, page)
      const report = {
        tenantId: my.tenantId,
        id: systemRandom.id('report'),
        userId: their.userId,
        activityId: one?.id ?? systemRandom.id('activity'),
        challengeId: their.pending,
      }
      const by = { kind: 'device', deviceId: their.deviceId, proof: null } as const
      const more = {
        protection: freshProtection,
        initiator: { approvedAt: null, blockedUntil: new Date('2100-01-01') },
        activities: [],
      }
      return reports.reportActivity({ report, by, ...more })
    },
    { kind: 'reporter_gone' },
  ],
  'activities.list': [
    ({ activities }, my, their) => activities.list(my.tenantId, their.userId, page),
    [],
  ],
  'testPushes.enqueue': [
    ({ testPushes }, my, their) =>
      testPushes.enqueue({
        tenantId: my.tenantId,
        userId: their.userId,
        deviceId: their.deviceId,
        id: systemRandom.id('delivery'),
        protectionRevision: 0,
        gapSeconds: 0,
        perHourMax: 5,
        activity: activity({ userId: their.userId, type: 'test_pushed', actor: 'operator' }),
        leasedBy: 'test',
      }),
    { kind: 'changed' },
  ],
  'testPushes.findLast': [
    ({ testPushes }, my, their) => testPushes.findLast(my.tenantId, their.deviceId),
    null,
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
  'webhookEndpoints.list': [
    ({ webhookEndpoints }, my, their) => webhookEndpoints.list(my.tenantId, their.rpId),
    [],
  ],
  'webhookEndpoints.find': [
    ({ webhookEndpoints }, my, their) => webhookEndpoints.find(endpointOf(my, their)),
    null,
  ],
  'webhookEndpoints.change': [
    ({ webhookEndpoints }, my, their) =>
      webhookEndpoints.change(endpointOf(my, their), { status: 'paused' }, 'operator'),
    null,
  ],
  'webhookEndpoints.rotate': [
    ({ webhookEndpoints }, my, their) =>
      webhookEndpoints.rotate(endpointOf(my, their), randomBytes(60), 0, 'operator'),
    null,
  ],
  'webhookEndpoints.remove': [
    ({ webhookEndpoints }, my, their) => webhookEndpoints.remove(endpointOf(my, their), 'operator'),
    null,
  ],
  'webhookEndpoints.takeSlot': [
    ({ webhookEndpoints }, my, their) => webhookEndpoints.takeSlot(endpointOf(my, their), 10),
    { kind: 'not_active' },
  ],
  'webhookEndpoints.stop': [
    ({ webhookEndpoints }, my, their) =>
      webhookEndpoints.stop(
        { tenantId: my.tenantId, id: their.endpointId, url: 'https://rp.example/' },
        { status: 'disabled', reason: 'gone' },
      ),
    null,
  ],
  'webhookDeliveries.settle': [
    ({ webhookDeliveries }, my, their) =>
      webhookDeliveries.settle('test', [
        {
          tenantId: my.tenantId,
          endpointId: their.endpointId,
          eventId: their.eventId,
          attemptId: systemRandom.id('webhookAttempt'),
          at: new Date(),
          durationMs: 1,
          statusCode: 204,
          reason: null,
          retryAfterMs: null,
        },
      ]),
    undefined,
  ],
  'webhookDeliveries.listAttempts': [
    ({ webhookDeliveries }, my, their) =>
      webhookDeliveries.listAttempts(my.tenantId, their.endpointId, page),
    [],
  ],
  'webhookDeliveries.replay': [
    ({ webhookDeliveries }, my, their) =>
      webhookDeliveries.replay(my.tenantId, their.endpointId, { failedSince: new Date(0) }, 100),
    0,
  ],
  'notices.settle': [
    ({ notices }, my, their) => notices.settle(my.tenantId, [their.noticeId], 'in_app'),
    undefined,
  ],
  'notices.enqueue': [
    ({ notices }, my, their) =>
      notices.enqueue({
        tenantId: my.tenantId,
        userId: my.userId,
        push: {
          activityIds: [their.noticeId],
          deviceIds: [their.deviceId],
          pushesMax: 3,
          otherwise: 'over_limit',
          budget: 'ordinary',
          isDigest: false,
        },
        deliveries: [{ id: systemRandom.id('delivery'), deviceId: their.deviceId }],
        leasedBy: 'test',
      }),
    [],
  ],
  'notices.findPreferences': [
    ({ notices }, my, their) => notices.findPreferences(my.tenantId, their.userId),
    preferencesOf({}),
  ],
  'notices.changePreferences': [
    ({ notices }, my, their) => {
      const { userId } = their
      const event = activity({ userId, type: 'preferences_changed', actor: 'operator' })
      return notices.changePreferences(
        {
          tenantId: my.tenantId,
          userId,
          preferences: preferencesOf({ devices: 'in_app' }),
          activity: event,
        },
        aProof(my, their.deviceId),
      )
    },
    null,
  ],
}

/** Methods that serve the whole installation, or take no id of an existing row. */
const installationWide = [
  'dueWork.read',
  'leases.freeAbandoned',
  'leases.holders',
  'tableStatistics.refresh',
  'tenants.createTenant',
  'tenants.findTenant',
  'tenants.changeIdentifierCase',
  'tenants.findPolicy',
  'tenants.findOverrides',
  'tenants.changeOverrides',
  'tenants.listTenants',
  'tenants.createFirst',
  'apiKeys.findCredential',
  'signingKeys.sampleActive',
  'devices.dropPushToken',
  'plainAnswers.findPlain',
  'plainAnswers.saveSealed',
  'deliveries.claim',
  'deliveries.suppressEnded',
  'deliveries.purgeProofs',
  'retention.nextTenant',
  'retention.purgeLeftovers',
  'retention.scan',
  'notices.loadPending',
  'audit.findUnlinked',
  'audit.findUnsigned',
  'personalData.findErasing',
  'integrations.findStored',
  'keycloakCallbacks.take',
  'keycloakCallbacks.giveUpLost',
  'webhookEndpoints.listFailing',
  'webhookDeliveries.hasWork',
  'webhookDeliveries.fanOut',
  'webhookDeliveries.claim',
  'webhookDeliveries.giveUpStale',
]
/** Methods that write what they receive: the database refuses references into another tenant. */
const writers = [
  'tenants.createRelyingParty',
  'apiKeys.create',
  'audit.lengthen',
  'audit.saveHead',
  'audit.saveCheckpoint',
  'audit.markCheckpoint',
  'users.import',
  'signingKeys.rotate',
  'enrollments.create',
  'portal.createLink',
  'passcodes.attempt',
  'passcodes.replaceRecoveryCodes',
  'passcodes.replaceTemporaryCode',
  'activities.post',
  'diagnostics.create',
  'apps.create',
  'integrations.create',
  'doors.saveNumber',
  'doors.follow',
  'keycloakCallbacks.enqueue',
  'webhookEndpoints.create',
  'webhookDeliveries.enqueue',
]

const tables = [
  'signing_keys',
  'relying_parties',
  'api_keys',
  'users',
  'user_identifiers',
  'user_protections',
  'initiators',
  'reports',
  'enrollments',
  'portal_sessions',
  'diagnostics',
  'devices',
  'device_keys',
  'device_proofs',
  'passcode_secrets',
  'single_use_codes',
  'passcode_budgets',
  'challenges',
  'challenge_targets',
  'answers',
  'deliveries',
  'activities',
  'activity_push_budgets',
  'apps',
  'audit_events',
  'webhook_endpoints',
  'webhook_deliveries',
  'webhook_attempts',
  'integrations',
  'integration_credentials',
  'shown_numbers',
  'followed_challenges',
  'keycloak_callbacks',
]

/** Every row of a tenant. */
async function rowsOf({ tenantId }: TestUser) {
  const all: Record<string, unknown> = {}
  for (const table of tables) {
    const text = `select x::text as row from ${table} x where tenant_id = $1 order by 1`
    all[table] = await stores.database.query(`all_${table}`, text, [tenantId])
  }
  return all
}

describe('a tenant that calls with another’s ids', () => {
  test.each(Object.keys(calls))('finds and changes nothing of the other’s by %s', async (name) => {
    const [call, expectedResult] = calls[name] ?? []
    const before = await rowsOf(theirs)
    expect(await call?.(stores, mine, theirs)).toEqual(expectedResult)
    expect(await rowsOf(theirs)).toEqual(before)
  })

  test('is tested for every method of every store', () => {
    const { database: _, url: _url, close: _close, ...all } = stores
    const methods = Object.entries(all).flatMap(([store, object]) =>
      Object.keys(object).map((method) => `${store}.${method}`),
    )
    const knownMethods = [...Object.keys(calls), ...installationWide, ...writers]
    expect(methods.toSorted()).toEqual(knownMethods.toSorted())
  })
})

describe('no row of one tenant references another’s', () => {
  const foreignKey = { code: '23503' }

  test.each<[string, Call]>([
    [
      'an API key at a relying party',
      ({ apiKeys }, my, their) => {
        const id = systemRandom.id('apiKey')
        const key = { tenantId: my.tenantId, id, rpId: their.rpId, name: 'x', scopes: [] }
        const newKey = { ...key, expiresAt: null, allowedAddresses: [] }
        return apiKeys.create(newKey, randomBytes(32), 'operator')
      },
    ],
    [
      'a webhook endpoint at a relying party',
      ({ webhookEndpoints }, my, their) => {
        const id = systemRandom.id('webhookEndpoint')
        return webhookEndpoints.create(anEndpointAt(my.tenantId, their.rpId, id), 20, 'operator')
      },
    ],
    [
      'an event at a webhook endpoint',
      ({ webhookDeliveries }, my, their) =>
        webhookDeliveries.enqueue(aWebhookDelivery(my.tenantId, their.endpointId)),
    ],
    [
      'an integration at a relying party',
      ({ integrations }, my, their) => {
        const id = systemRandom.id('integration')
        return integrations.create(aDoorAt(my.tenantId, their.rpId, id), null, 'operator')
      },
    ],
    [
      'a number shown at an integration or to a user',
      async ({ doors }, my, their) => {
        const foreign = { integrationId: my.integrationId, userId: their.userId }
        await expect(
          doors.saveNumber({ ...aNumber(my, my), ...foreign }, 600),
        ).rejects.toMatchObject(foreignKey)
        const atTheirs = { integrationId: their.integrationId, userId: my.userId }
        return doors.saveNumber({ ...aNumber(my, my), ...atTheirs }, 600)
      },
    ],
    [
      'somebody who follows a challenge, or at an integration',
      async ({ doors }, my, their) => {
        const following = { tenantId: my.tenantId, holdMs: 1 }
        const theirChallenge = { challengeId: their.over, integrationId: my.integrationId }
        await expect(doors.follow({ ...following, ...theirChallenge })).rejects.toMatchObject(
          foreignKey,
        )
        const theirDoor = { challengeId: my.over, integrationId: their.integrationId }
        return doors.follow({ ...following, ...theirDoor })
      },
    ],
    [
      'a call back of a challenge, or of an integration',
      async ({ keycloakCallbacks }, my, their) => {
        const theirChallenge = { ...aCallback(my, my), challengeId: their.over }
        await expect(keycloakCallbacks.enqueue(theirChallenge)).rejects.toMatchObject(foreignKey)
        const theirDoor = { challengeId: my.over, integrationId: their.integrationId }
        return keycloakCallbacks.enqueue({ ...aCallback(my, my), ...theirDoor })
      },
    ],
    [
      'an enrollment at a user',
      (all, my, their) => anEnrollment(all, { ...my.user, userId: their.userId }),
    ],
    [
      'an enrollment at a relying party',
      (all, my, their) => anEnrollment(all, { ...my.user, rpId: their.rpId }),
    ],
    [
      'a device at a user',
      async (all, my, their) => {
        const enrollment = await anEnrollment(all, my.user)
        return all.enrollments.claim(
          aClaim({ ...enrollment, userId: their.userId }, { numberSealed }),
        )
      },
    ],
    [
      'a challenge at a relying party',
      async (all, my, their) =>
        all.challenges.create(
          await aNewChallenge(all, { ...my.user, rpId: their.rpId }, [my.deviceId]),
          'test',
        ),
    ],
    [
      'an activity at a user',
      ({ devices }, my, their) => {
        const about = { ...event(my), userId: their.userId }
        return devices.change(my.tenantId, my.deviceId, { name: 'X' }, about)
      },
    ],
    [
      'diagnostics at a device',
      ({ diagnostics }, my, their) => {
        const { tenantId, deviceId } = my
        const id = systemRandom.id('diagnostics')
        const newDiagnostics = {
          tenantId,
          id,
          userId: their.userId,
          deviceId,
          appVersion: '1',
          text: 'x',
        }
        const proof = { tenantId, deviceId, jti: 'x', expiresAt: new Date() }
        return diagnostics.create(newDiagnostics, 5, event(my), proof)
      },
    ],
    [
      'a failed passcode at a user',
      ({ passcodes }, my, their) => passcodes.attempt(aGuess({ ...my.user, userId: their.userId })),
    ],
    [
      'a recovery code at a user',
      (all, my, their) => createRecoveryCode(all, { ...my.user, userId: their.userId }),
    ],
    [
      'a temporary code at a user',
      (all, my, their) => createTemporaryCode(all, { ...my.user, userId: their.userId }),
    ],
  ])('%s', async (_, write) => {
    await expect(write(stores, mine, theirs)).rejects.toMatchObject(foreignKey)
  })

  test('a target at a challenge or at a device', async () => {
    const insert = (challengeId: string, deviceId: string) =>
      stores.database.query(
        'foreign_target',
        `insert into challenge_targets (tenant_id, challenge_id, device_id, request_payload,
          request_hash)
         values ($1, $2, $3, '', '')`,
        [mine.tenantId, challengeId, deviceId],
      )
    await expect(insert(theirs.pending, mine.deviceId)).rejects.toMatchObject(foreignKey)
    await expect(insert(mine.pending, theirs.deviceId)).rejects.toMatchObject(foreignKey)
  })

  test('a user’s name at a user of theirs', async () => {
    const insert = stores.database.query(
      'foreign_name',
      `insert into user_identifiers (tenant_id, namespace, value, key, user_id)
        values ($1, 'default', $2, $2, $3)`,
      [mine.tenantId, thumbprint(), theirs.userId],
    )
    await expect(insert).rejects.toMatchObject(foreignKey)
  })
})
