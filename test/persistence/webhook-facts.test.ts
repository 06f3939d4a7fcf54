import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import type { DeviceId } from '../../src/domain/ids.ts'
import type { WebhookFact } from '../../src/domain/webhook-event.ts'
import { systemRandom as random } from '../../src/outbound/random.ts'
import {
  aColleague,
  aDevice,
  aNewChallenge,
  anAnswer,
  aProof,
  aUser,
  openStores,
  type Stores,
  type TestUser,
  unsaid,
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
  const sealed = { events: ['*'], secretSealed: Buffer.from('sealed') } as const
  const added = await stores.webhookEndpoints.create({ ...endpoint, ...sealed }, 20, 'operator')
  if (!added) throw new Error('too many')
  return added
}

/** What has been noted since the last look. */
async function facts(): Promise<WebhookFact[]> {
  const taken: WebhookFact[] = []
  await stores.webhookDeliveries.fanOut(1000, (some) => {
    taken.push(...some)
    return []
  })
  return taken
}

const sql = (name: string, text: string, ...values: unknown[]) =>
  stores.database.query(name, text, values)

async function aChallenge(devices: readonly DeviceId[]) {
  const made = await aNewChallenge(stores, user, devices)
  if (!(await stores.challenges.create(made, 'test'))) throw new Error('not created')
  return made
}

describe('what happens is noted in its own transaction, whichever statement it is', () => {
  test('while somebody in the tenant listens', async () => {
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

    const noted = await facts()
    expect(noted.map(({ kind, activityType }) => activityType ?? kind)).toEqual([
      'challenge_created',
      'challenge_fetched',
      'push_sent',
      'challenge_approved',
      'push_token_lost',
    ])
    for (const fact of noted) {
      expect(fact).toMatchObject({ userId: user.userId, viewerRpIds: [user.rpId] })
      expect(fact.ownerRpId).toBe(fact.kind === 'push_token_lost' ? null : user.rpId)
    }
  })

  test('and a transaction that is undone notes nothing', async () => {
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

  test('a device that takes its own token back, or is unregistered, has not lost it', async () => {
    const [one, other] = [await aDevice(stores, user), await aDevice(stores, user)]
    await anEndpoint(user)
    await stores.devices.setPushToken(user.tenantId, one, null, aProof(user, one))
    const command = { ...user, deviceIds: [other], reason: 'lost', actor: 'operator' } as const
    await stores.devices.unregister(command, null)
    expect((await facts()).map(({ kind }) => kind)).toEqual(['activity'])
  })
})

test('nobody pays where nobody listens: not another tenant, not after the endpoint is gone', async () => {
  const stranger = await aUser(stores)
  await anEndpoint(stranger)
  const endpoint = await anEndpoint(user)
  await stores.webhookEndpoints.remove(endpoint, 'operator')
  const device = await aDevice(stores, user)
  await aChallenge([device])
  expect(await facts()).toEqual([])
})

describe('who could see the user', () => {
  test('is a relying party of a namespace in which the user has a name, and no other', async () => {
    const { tenantId } = user
    const party = { tenantId, id: random.id('relyingParty'), name: 'Other', namespaces: ['other'] }
    const { id: otherRp } = await stores.tenants.createRelyingParty(party, 'operator')
    await anEndpoint({ tenantId, rpId: otherRp })
    await aDevice(stores, user)
    await anEndpoint(user)
    await stores.devices.unregister(
      { ...user, deviceIds: [], reason: 'lost', actor: 'operator' },
      null,
    )
    const [fact] = await facts()
    expect(fact).toMatchObject({ activityType: 'device_unregistered', viewerRpIds: [user.rpId] })
  })

  test('is known even of one who is erased in the same transaction', async () => {
    await aDevice(stores, user)
    await anEndpoint(user)
    await stores.personalData.cutOff(user.tenantId, user.userId, 'operator', unsaid)
    const [fact] = await facts()
    expect(fact).toMatchObject({ activityType: 'device_unregistered', viewerRpIds: [user.rpId] })
  })
})

test('two processes that fan out beside each other take each fact once', async () => {
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
  const taken: string[] = []
  const take = () =>
    stores.webhookDeliveries.fanOut(7, (some) => {
      taken.push(...some.map(({ activityId }) => `${activityId}`))
      return []
    })
  for (;;) if ((await Promise.all([take(), take(), take()])).every((n) => n === 0)) break
  // Importing a user is an activity, too.
  expect(taken.length).toBe(40)
  expect(new Set(taken).size).toBe(40)
})
