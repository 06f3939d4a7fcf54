import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import type { DeviceId } from '../../src/domain/ids.ts'
import type { WebhookFact } from '../../src/domain/webhook-event.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import { enqueueWebhooks } from '../../src/webhooks/enqueue-webhooks.ts'
import {
  aColleague,
  aDevice,
  aNewChallenge,
  anAnswer,
  aProof,
  aUser,
  noExceptions,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'

let stores: Stores
beforeAll(async () => {
  stores = await openStores()
})
afterAll(() => stores.close())

let user: TestUser
beforeEach(async () => {
  user = await aUser(stores)
  await facts()
})

async function anEndpoint({ tenantId, rpId }: Pick<TestUser, 'tenantId' | 'rpId'>) {
  const id = random.id('webhookEndpoint')
  const endpoint = { tenantId, rpId, id, url: 'https://rp.example/', description: '' }
  const settings = { events: ['*'], secretSealed: Buffer.from('sealed') } as const
  const createdEndpoint = await stores.webhookEndpoints.create(
    { ...endpoint, ...settings },
    20,
    'operator',
  )
  if (!createdEndpoint) throw new Error('too many')
  return createdEndpoint
}

/** The facts recorded since the last call. */
async function facts(): Promise<readonly WebhookFact[]> {
  const batch = await stores.webhookDeliveries.loadFacts(1000)
  await stores.webhookDeliveries.fanOut({ ...batch, deliveries: [], leasedBy: 'test' })
  return batch.facts
}

const sql = (name: string, text: string, ...values: unknown[]) =>
  stores.database.query(name, text, values)

async function aChallenge(devices: readonly DeviceId[]) {
  const newChallenge = await aNewChallenge(stores, user, devices)
  expect(await stores.challenges.create(newChallenge, 'test')).toBe('done')
  return newChallenge
}

describe('an event is recorded in the transaction of its cause, for any statement', () => {
  test('an event is recorded while the tenant has an endpoint', async () => {
    const device = await aDevice(stores, user)
    await anEndpoint(user)
    const { challenge, pushes } = await aChallenge([device])
    expect(pushes.length).toBe(1)
    await stores.challenges.markFetched(user.tenantId, device, [challenge.id])
    await stores.challenges.markFetched(user.tenantId, device, [challenge.id])
    const [push] = pushes
    if (!push) throw new Error('nothing to push')
    const outcome = { status: 'sent', providerMessageId: 'x' } as const
    await stores.deliveries.settle('test', [{ tenantId: user.tenantId, id: push.id, outcome }])
    const answer = anAnswer(user, challenge.id, device)
    await stores.challenges.recordAnswer(answer, null)
    await sql('token', 'update devices set push_token_hash = null where id = $1', device)

    const newFacts = await facts()
    expect(newFacts.map(({ kind, activityType }) => activityType ?? kind)).toEqual([
      'challenge_created',
      'challenge_fetched',
      'push_sent',
      'challenge_approved',
      'push_token_lost',
    ])
    for (const fact of newFacts) {
      expect(fact).toMatchObject({ userId: user.userId, viewerRpIds: [user.rpId] })
      expect(fact.ownerRpId).toBe(fact.kind === 'push_token_lost' ? null : user.rpId)
    }
  })

  test('a transaction that is rolled back records nothing', async () => {
    await anEndpoint(user)
    const undone = stores.database.transaction(async (tx) => {
      await tx.query(
        'activity',
        `insert into activities (tenant_id, id, user_id, type, severity, actor)
         values ($1, $2, $3, 'push_locked', 'critical', 'service')`,
        [user.tenantId, random.id('activity'), user.userId],
      )
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    expect(await facts()).toEqual([])
  })

  test('a device that removes its own token, or is unregistered, has not lost it', async () => {
    const [one, other] = [await aDevice(stores, user), await aDevice(stores, user)]
    await anEndpoint(user)
    await stores.devices.setPushToken(user.tenantId, one, null, aProof(user, one))
    const command = { ...user, deviceIds: [other], reason: 'lost', actor: 'operator' } as const
    await stores.devices.unregister(command)
    expect((await facts()).map(({ kind }) => kind)).toEqual(['activity'])
  })
})

test('nothing is recorded for other tenants’ endpoints or removed ones', async () => {
  const outsider = await aUser(stores)
  await anEndpoint(outsider)
  const endpoint = await anEndpoint(user)
  await stores.webhookEndpoints.remove(endpoint, 'operator')
  const device = await aDevice(stores, user)
  await aChallenge([device])
  expect(await facts()).toEqual([])
})

describe('the relying parties that may see the user', () => {
  test('are those of a namespace in which the user has a name, and no other', async () => {
    const { tenantId } = user
    const party = { tenantId, id: random.id('relyingParty'), name: 'Other', namespaces: ['other'] }
    const { id: otherRp } = await stores.tenants.createRelyingParty(party, 'operator')
    await anEndpoint({ tenantId, rpId: otherRp })
    await aDevice(stores, user)
    await anEndpoint(user)
    await stores.devices.unregister({ ...user, deviceIds: [], reason: 'lost', actor: 'operator' })
    const [fact] = await facts()
    expect(fact).toMatchObject({ activityType: 'device_unregistered', viewerRpIds: [user.rpId] })
  })

  test('are known even of a user who is erased in the same transaction', async () => {
    await aDevice(stores, user)
    await anEndpoint(user)
    await stores.personalData.cutOff(user.tenantId, user.userId, 'operator', noExceptions)
    const [fact] = await facts()
    expect(fact).toMatchObject({ activityType: 'device_unregistered', viewerRpIds: [user.rpId] })
  })
})

const byActivity = `
  select data ->> 'activityId', count(*)::int from webhook_deliveries
  where tenant_id = $1 and type = 'activity.recorded' group by 1`
test('two processes that fan out concurrently take each fact once', async () => {
  await anEndpoint(user)
  const users = await Promise.all(
    Array.from({ length: 20 }, (_, n) => aColleague(stores, user, `user-${n}`)),
  )
  for (const { tenantId, userId } of users) {
    const event = activity({ userId, type: 'push_unlocked', actor: 'service' })
    await sql(
      'one_activity',
      `insert into activities (tenant_id, id, user_id, type, severity, actor)
       values ($1, $2, $3, $4, $5, 'service')`,
      tenantId,
      random.id('activity'),
      userId,
      event.type,
      event.severity,
    )
  }
  const fanOut = () =>
    enqueueWebhooks({ ...stores, random }, { limit: 7, leasedBy: 'test' }, () => true)
  for (;;) {
    const batches = await Promise.all([fanOut(), fanOut(), fanOut()])
    if (batches.every(({ factCount }) => factCount === 0)) break
  }
  const deliveries = await sql('by_activity', byActivity, user.tenantId)
  // Importing a user is an activity, too.
  expect(deliveries).toHaveLength(40)
  for (const delivery of deliveries) expect(delivery).toMatchObject({ count: 1 })
})
