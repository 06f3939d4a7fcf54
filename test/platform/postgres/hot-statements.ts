// Every statement that a busy service runs all day, run once.

import { randomBytes } from 'node:crypto'
import { activity } from '../../../src/domain/activity.ts'
import { systemRandom as random } from '../../../src/platform/crypto/random.ts'
import {
  budgetsAfter,
  cancel,
  challengeOf,
  resend,
  unregister,
} from '../../challenges/challenge-steps.ts'
import { aRotatingDevice } from '../../devices/rotating-device.ts'
import { aGuess, aPasscode, createRecoveryCode, stepNow } from '../../passcodes/code-steps.ts'
import { recordStatements, type SentStatement } from '../../support/statements.ts'
import {
  aColleague,
  aDevice,
  aNewChallenge,
  anAnswer,
  anyRequest,
  aProof,
  aStoredChallenge,
  aUser,
  openStores,
  type Stores,
  type TestUser,
} from '../../support/stores.ts'

/**
 * Stores that have run them all, the statements that they sent, and the user of the resulting rows.
 */
export async function runHotStatements(): Promise<{
  readonly stores: Stores
  readonly statements: ReadonlyMap<string, string>
  readonly user: TestUser
}> {
  let statements: readonly SentStatement[] = []
  const stores = await openStores(2, (database) => {
    const ears = recordStatements(database)
    statements = ears.sent
    return ears.database
  })
  const user = await aUser(stores)
  await signIn(stores, user)
  await signInTogether(stores, user)
  await report(stores, user)
  await lookUp(stores, user)
  await rotateKeys(stores, user)
  await typeCodes(stores, user)
  await sendNotices(stores, user)
  await throughDoors(stores, user)
  return { stores, statements: new Map(statements.map(({ name, text }) => [name, text])), user }
}

async function signIn(stores: Stores, user: TestUser) {
  const { challenges, deliveries } = stores
  const { tenantId, rpId, userId } = user
  const device = await aDevice(stores, user)
  const query = { tenantId, rpId, namespaces: ['default'], idempotencyKey: null, ...anyRequest }
  await challenges.loadCreation({ ...query, user: { id: userId } })
  await challenges.loadCreation({ ...query, user: { namespace: 'default', value: 'alice' } })
  const id = await aStoredChallenge(stores, user, [device])
  await challenges.loadPending(tenantId, device)
  await challenges.markFetched(tenantId, device, [id])
  await challenges.markReceived(id, aProof(user, device))
  await deliveries.claim('process', 10)
  await deliveries.settle('process', [
    { tenantId, id: random.id('delivery'), outcome: { status: 'failed', reason: 'test' } },
  ])
  await resend(stores, await challengeOf(stores, user, id))
  await challenges.loadAnswer({ tenantId, deviceId: device, challengeId: id, jti: 'jti' })
  await challenges.recordAnswer(anAnswer(user, id, device), aProof(user, device))
  await challenges.findEvidence(tenantId, rpId, id)
  await cancel(stores, user, await aStoredChallenge(stores, user, [device]))
  await challenges.expire({ tenantId, id }, 1)
}

/** Two at a time share a statement. */
async function signInTogether(stores: Stores, user: TestUser) {
  const { challenges } = stores
  const signIns = await Promise.all(
    [user, await aColleague(stores, user, 'bob')].map(async (one) => {
      const device = await aDevice(stores, one)
      return { one, device, made: await aNewChallenge(stores, one, [device]) }
    }),
  )
  await Promise.all(signIns.map(({ made }) => challenges.create(made, 'process')))
  await Promise.all(
    signIns.map(({ one, device, made }) =>
      challenges.recordAnswer(anAnswer(one, made.challenge.id, device), aProof(one, device)),
    ),
  )
}

async function report(stores: Stores, user: TestUser) {
  const device = await aDevice(stores, user)
  const id = await aStoredChallenge(stores, user, [device])
  await aStoredChallenge(stores, user, [device])
  const deny = {
    decision: 'report',
    effect: {
      outcome: 'denied',
      status: 'denied',
      reason: 'user_reported',
      wrongNumbersLeft: 3,
    },
  } as const
  const challenge = await challengeOf(stores, user, id)
  const budgets = await budgetsAfter(stores, user, challenge, device, deny.effect)
  const reportId = random.id('report')
  const answer = anAnswer(user, id, device, { ...deny, budgets, reportId })
  await stores.challenges.recordAnswer(answer, aProof(user, device))
  await unregister(stores, user, device)
}

async function lookUp(stores: Stores, user: TestUser) {
  const { tenantId, userId } = user
  const device = await aDevice(stores, user)
  await stores.apiKeys.findCredential(random.id('apiKey'))
  await stores.apiKeys.touch([{ tenantId, id: random.id('apiKey') }])
  await stores.devices.findKnown(tenantId, device)
  await stores.devices.listOfUser(tenantId, userId)
  const proof = aProof(user, device)
  await stores.devices.changeWithProof(tenantId, device, { name: 'New' }, null, proof)
  await stores.protections.find(tenantId, userId)
  await stores.pushHistory.find(tenantId, device, 10)
  await stores.testPushes.confirm(random.id('delivery'), aProof(user, device))
  await stores.signingKeys.list(tenantId)
  await stores.signingKeys.findPrivate(tenantId, user.signingKid)
  await stores.enrollments.findByCode(tenantId, randomBytes(32))
  await stores.enrollments.findByTypedCode(tenantId, 'alice', randomBytes(32))
  const id = random.id('portalSession')
  await stores.portal.createLink(
    {
      tenantId,
      id,
      userId,
      rpId: user.rpId,
      linkHash: Buffer.from('link'),
      linkScopes: [],
      linkSeconds: 60,
    },
    activity({ userId, type: 'portal_link_made', actor: 'operator' }),
  )
  await stores.portal.open(tenantId, Buffer.from('link'), { hash: randomBytes(32), seconds: 60 })
}

async function rotateKeys(stores: Stores, user: TestUser) {
  const { id, rotate, rotation } = await aRotatingDevice(stores, user)
  await rotate()
  await stores.devices.findReplacedKey(user.tenantId, id, rotation.replacedKey.kid)
}

async function typeCodes(stores: Stores, user: TestUser) {
  const { tenantId, rpId, userId } = user
  const device = await aDevice(stores, user)
  await stores.passcodes.facts(tenantId, rpId, userId)
  await stores.passcodes.attempt(aGuess(user))
  await stores.passcodes.attempt(aPasscode(user, device, await stepNow(stores)))
  const id = await createRecoveryCode(stores, user)
  await stores.passcodes.attempt(aGuess(user, { match: { kind: 'recovery_code', id } }))
}

async function sendNotices(stores: Stores, user: TestUser) {
  const { notices, webhookDeliveries } = stores
  const { tenantId, rpId, userId } = user
  const endpointId = random.id('webhookEndpoint')
  const { users } = await notices.loadPending({ waitingAfter: null, limit: 10 })
  const activityIds = users.flatMap(({ pending }) => pending.map(({ id }) => id))
  await notices.settle(tenantId, [random.id('activity')], 'in_app')
  for (const isDigest of [false, true]) {
    const limit = { pushesMax: 3, otherwise: 'waiting', budget: rpId, isDigest } as const
    const push = { activityIds, deviceIds: [], ...limit }
    await notices.enqueue({ tenantId, userId, push, deliveries: [], leasedBy: 'process' })
  }
  const occurredAt = new Date()
  await stores.webhookEndpoints.create(
    {
      tenantId,
      rpId,
      id: endpointId,
      url: 'https://rp.example/',
      description: '',
      events: ['*'],
      secretSealed: randomBytes(40),
    },
    20,
    'operator',
  )
  const event = { tenantId, endpointId, eventId: random.id('webhookEvent'), occurredAt }
  const of = { type: 'challenge.approved', userId, data: {} } as const
  await webhookDeliveries.enqueue({ ...event, ...of, staleAt: new Date(Date.now() + 60_000) })
  const { facts } = await webhookDeliveries.loadFacts(10)
  await webhookDeliveries.fanOut({ facts, deliveries: [], leasedBy: 'process' })
  const places = { limit: 10, perTenant: 10, perEndpoint: 10, perFailing: 1, loads: [], slow: [] }
  await webhookDeliveries.claim({ leasedBy: 'process', ...places })
  await webhookDeliveries.settle('process', [
    {
      tenantId,
      endpointId,
      eventId: event.eventId,
      attemptId: random.id('webhookAttempt'),
      at: new Date(0),
      durationMs: 1,
      statusCode: 204,
      reason: null,
      retryAfterMs: null,
    },
  ])
}

async function throughDoors(stores: Stores, user: TestUser) {
  const { doors, integrations, keycloakCallbacks } = stores
  const { tenantId, rpId, userId } = user
  const integrationId = random.id('integration')
  await stores.database.query(
    'a_door',
    `insert into integrations (tenant_id, id, rp_id, kind, name, settings, number_mode, namespace,
       user_names, status)
     values ($1, $2, $3, 'wait', 'VPN', '{"kind": "wait"}', 'caller', 'default', '{}', 'active')`,
    [tenantId, integrationId, rpId],
  )
  await integrations.findStored({ id: integrationId })
  await integrations.findStored({ integrationKey: 'key' })
  const of = { tenantId, integrationId }
  const aNumber = () => ({ id: random.id('shownNumber'), place: randomBytes(32) })
  const number = aNumber()
  for (const one of [number, aNumber()]) {
    await doors.saveNumber({ ...of, userId, ...one, numberSealed: randomBytes(40) }, 60)
  }
  await doors.consumeNumbers({ ...of, userId, place: number.place })
  await doors.consumeNumbers({ ...of, userId, id: number.id })
  const challengeId = await aStoredChallenge(stores, user, [await aDevice(stores, user)])
  await doors.follow({ ...of, challengeId, holdMs: 1_000 })
  await doors.countAnswer(tenantId, integrationId, challengeId)
  const tokenSealed = randomBytes(40)
  const issuer = 'https://realm.example'
  await keycloakCallbacks.enqueue({ ...of, challengeId, issuer, tokenSealed, delayMs: 0 })
  await keycloakCallbacks.take({
    limit: 10,
    perTenant: 10,
    perRealm: 10,
    loads: [],
    triedBy: 'process',
  })
  await keycloakCallbacks.postpone({ tenantId, challengeId }, 1_000)
  await keycloakCallbacks.settle({ tenantId, challengeId }, null)
}
