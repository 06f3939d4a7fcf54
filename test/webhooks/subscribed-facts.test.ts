import { describe, expect } from 'vitest'
import { activityTypes } from '../../src/domain/activity.ts'
import { storedActivityType } from '../../src/domain/stored-activity-type.ts'
import type { SubscribedEventType } from '../../src/domain/webhook-event.ts'
import { eventsOf, type WebhookFact } from '../../src/domain/webhook-event.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import {
  aDevice,
  aNewChallenge,
  anAnswer,
  aUser,
  type Stores,
  type TestUser,
} from '../support/stores.ts'
import { userTest as test } from '../support/world-test.ts'

const endingTypes = ['challenge.approved', 'challenge.denied', 'challenge.expired'] as const

async function anEndpoint(
  stores: Stores,
  { tenantId, rpId }: TestUser,
  events: readonly (SubscribedEventType | '*')[],
) {
  const id = random.id('webhookEndpoint')
  const endpoint = { tenantId, rpId, id, url: 'https://rp.example/', description: '' }
  const secretSealed = Buffer.from('sealed')
  await stores.webhookEndpoints.create({ ...endpoint, events, secretSealed }, 20, 'operator')
}

/** A sign-in from creation to approval; then the facts of its tenant. */
async function factsOfSignIn(stores: Stores, user: TestUser) {
  const device = await aDevice(stores, user)
  const { tenantId } = user
  const creation = await aNewChallenge(stores, user, [device])
  const { challenge, pushes } = creation
  await stores.challenges.create(creation, 'test')
  await stores.challenges.markFetched(tenantId, device, [challenge.id])
  const outcome = { status: 'sent', providerMessageId: 'x' } as const
  for (const { id } of pushes) await stores.deliveries.settle('test', [{ tenantId, id, outcome }])
  await stores.challenges.recordAnswer(anAnswer(user, challenge.id, device), null)
  const { facts } = await stores.webhookDeliveries.loadFacts(1_000)
  return facts
    .filter((fact) => fact.tenantId === tenantId && fact.challengeId !== null)
    .map(({ kind, activityType }) => activityType ?? kind)
}

describe('a fact is recorded where an endpoint of the tenant may subscribe to its events, and nowhere else', () => {
  test('a sign-in is one fact for an endpoint of its end', async ({ stores, user }) => {
    await anEndpoint(stores, user, endingTypes)
    expect(await factsOfSignIn(stores, user)).toEqual(['challenge_approved'])
  })

  test('a sign-in is all its facts for an endpoint of everything', async ({ stores, user }) => {
    await anEndpoint(stores, user, endingTypes)
    await anEndpoint(stores, user, ['*'])
    expect(await factsOfSignIn(stores, user)).toEqual([
      'challenge_created',
      'challenge_fetched',
      'push_sent',
      'challenge_approved',
    ])
  })

  test('a sign-in is no fact for endpoints of other tenants or of other events', async ({
    stores,
    user,
  }) => {
    await anEndpoint(stores, await aUser(stores), ['*'])
    await anEndpoint(stores, user, ['user.unlocked'])
    expect(await factsOfSignIn(stores, user)).toEqual([])
  })
})

test('the database expects of each fact at least the events that it causes', async ({ stores }) => {
  const challenge: WebhookFact['challenge'] = {
    userId: 'usr_1',
    status: 'pending',
    reason: null,
    deliveryMode: 'push',
    binding: null,
    createdAt: new Date(0),
    expiresAt: new Date(0),
    decidedAt: null,
    decidedDeviceId: null,
    idempotencyKey: null,
  }
  const fact: WebhookFact = {
    tenantId: 'tnt_1',
    kind: 'activity',
    userId: 'usr_1',
    activityId: null,
    activityType: null,
    severity: null,
    challengeId: null,
    deviceId: null,
    enrollmentId: null,
    reason: null,
    ownerRpId: null,
    viewerRpIds: [],
    occurredAt: new Date(0),
    occurredAtMicros: 0,
    challenge,
  }
  const kinds = ['challenge_fetched', 'push_sent', 'push_failed', 'push_token_lost'] as const
  const facts = [
    ...kinds.map((kind) => ({ ...fact, kind })),
    ...activityTypes.map((activityType) => ({ ...fact, activityType })),
  ]
  let knownCount = 0
  for (const one of facts) {
    const ownType = activityTypes.find((each) => each === one.activityType)
    const [row] = await stores.database.query<{ types: string[] | null }>(
      'expected_types',
      'select webhook_event_types($1, $2) as types',
      [one.kind, ownType ? storedActivityType(ownType) : null],
    )
    if (!row?.types) continue
    knownCount++
    expect(row.types.toSorted()).toEqual(
      eventsOf(one)
        .map(({ type }) => type)
        .toSorted(),
    )
  }
  expect(knownCount).toBe(8)
})
