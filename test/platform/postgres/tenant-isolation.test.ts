import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemRandom } from '../../../src/platform/crypto/random.ts'
import { numberSealed } from '../../enrollments/enrollment-steps.ts'
import { aGuess, createRecoveryCode, createTemporaryCode } from '../../passcodes/code-steps.ts'
import {
  aClaim,
  aNewChallenge,
  anEnrollment,
  aProof,
  openStores,
  type Stores,
  type TestUser,
  thumbprint,
} from '../../support/stores.ts'
import { directoryCalls } from './isolation/directory-calls.ts'
import { portalCalls } from './isolation/portal-calls.ts'
import { promptCalls } from './isolation/prompt-calls.ts'
import { recordCalls } from './isolation/record-calls.ts'
import { signInCalls } from './isolation/sign-in-calls.ts'
import {
  aCallback,
  aDoorAt,
  aNumber,
  anEndpointAt,
  anEvent,
  aWebhookDelivery,
  aWorld,
  type Call,
  type World,
} from './isolation/two-worlds.ts'

let stores: Stores
let mine: World
let theirs: World
beforeAll(async () => {
  stores = await openStores()
  mine = await aWorld(stores)
  theirs = await aWorld(stores)
})
afterAll(() => stores.close())

const calls = { ...directoryCalls, ...portalCalls, ...promptCalls, ...recordCalls, ...signInCalls }

/** Methods that serve the whole installation, or take no id of an existing row. */
const installationWide = [
  'dueWork.read',
  'leases.freeAbandoned',
  'leases.holders',
  'tableStatistics.refresh',
  'tenants.createTenant',
  'tenants.findTenant',
  'brandings.find',
  'brandings.findLogo',
  'brandings.remove',
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
  'webhookDeliveries.loadFacts',
  'webhookDeliveries.fanOut',
  'webhookDeliveries.claim',
  'webhookDeliveries.giveUpStale',
  'vapidKeys.addFirst',
  'vapidKeys.find',
  'vapidKeys.findCurrent',
  'vapidKeys.rotate',
  'oidcKeys.list',
  'oidcKeys.addFirst',
  'oidcKeys.rotate',
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
  'prompts.open',
  'brandings.replace',
  'clientRequests.push',
  'clientRequests.useAssertion',
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
  'replaced_device_keys',
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
  'prompts',
  'pushed_requests',
  'used_assertions',
  'oidc_keys',
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

  test.each<[string, Call[0]]>([
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
        const about = { ...anEvent(my), userId: their.userId }
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
        const proof = aProof(my.user, deviceId)
        return diagnostics.create(newDiagnostics, 5, anEvent(my), proof)
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
