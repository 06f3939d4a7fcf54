import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { buildActivityStore } from '../../src/activities/activities.sql.ts'
import { buildNoticeStore } from '../../src/activities/notices.sql.ts'
import { buildAuditStore } from '../../src/audit/audit.sql.ts'
import { buildPlainAnswerStore } from '../../src/audit/plain-answers.sql.ts'
import { buildRetentionStore } from '../../src/audit/retention.sql.ts'
import type { NewChallenge } from '../../src/challenges/challenge.store.ts'
import type { AnswerToRecord } from '../../src/challenges/challenge-answer.store.ts'
import { buildChallengeStore } from '../../src/challenges/challenges.sql.ts'
import type { BoundKey } from '../../src/devices/device.store.ts'
import { buildDeviceSpanStore } from '../../src/devices/device-spans.sql.ts'
import { buildDeviceStore } from '../../src/devices/devices.sql.ts'
import { buildDiagnosticsStore } from '../../src/devices/diagnostics/diagnostics.sql.ts'
import { buildSuspensionStore } from '../../src/devices/suspensions.sql.ts'
import { activity } from '../../src/domain/activity.ts'
import { type DeviceAttestation, notAttested } from '../../src/domain/attestation.ts'
import type { Challenge } from '../../src/domain/challenge.ts'
import type { ChallengeId, DeviceId, EnrollmentId, TenantId, UserId } from '../../src/domain/ids.ts'
import type { Protection } from '../../src/domain/protection.ts'
import { afterCreation, unusedBudget } from '../../src/domain/push-budget.ts'
import { buildDoorStore } from '../../src/doors/doors.sql.ts'
import { buildIntegrationStore } from '../../src/doors/integrations.sql.ts'
import { buildKeycloakCallbackStore } from '../../src/doors/keycloak/keycloak-callbacks.sql.ts'
import type { NewDevice } from '../../src/enrollments/enrollment.store.ts'
import { buildEnrollmentWindowStore } from '../../src/enrollments/enrollment-windows.sql.ts'
import { buildEnrollmentStore } from '../../src/enrollments/enrollments.sql.ts'
import { buildPasscodeStore } from '../../src/passcodes/passcodes.sql.ts'
import { buildPersonalDataStore } from '../../src/personal-data/personal-data.sql.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import { type Database, openDatabase } from '../../src/platform/postgres/database.ts'
import { buildDueWorkStore } from '../../src/platform/postgres/due-work.ts'
import { buildLeaseStore } from '../../src/platform/postgres/leases.ts'
import { buildTableStatistics } from '../../src/platform/postgres/table-statistics.ts'
import { buildPortalStore } from '../../src/portal/portal-sessions.sql.ts'
import { buildClientRequestStore } from '../../src/prompts/oidc/client-requests.sql.ts'
import { buildOidcKeyStore } from '../../src/prompts/oidc/oidc-keys.sql.ts'
import { buildPromptEnrollmentStore } from '../../src/prompts/prompt-enrollments.sql.ts'
import { buildPromptStore } from '../../src/prompts/prompts.sql.ts'
import { buildProtectionStore } from '../../src/protection/protections.sql.ts'
import { buildPushSignInStore } from '../../src/protection/push-sign-in.sql.ts'
import { buildReadinessCountStore } from '../../src/protection/readiness-counts.sql.ts'
import { buildReportStore } from '../../src/protection/reports.sql.ts'
import { buildAppStore } from '../../src/push/apps.sql.ts'
import { buildDeliveryStore } from '../../src/push/deliveries.sql.ts'
import { buildPushHistoryStore } from '../../src/push/doctor/push-history.sql.ts'
import { buildTestPushStore } from '../../src/push/test-pushes.sql.ts'
import { buildVapidKeyStore } from '../../src/push/web-push/vapid-keys.sql.ts'
import { buildApiKeyStore } from '../../src/tenants/api-keys.sql.ts'
import { buildBrandingStore } from '../../src/tenants/branding/branding.sql.ts'
import { buildSigningKeyStore } from '../../src/tenants/signing-keys.sql.ts'
import { buildTenantStore } from '../../src/tenants/tenants.sql.ts'
import { buildUserStore } from '../../src/users/users.sql.ts'
import { buildWebhookDeliveryStore } from '../../src/webhooks/webhook-deliveries.sql.ts'
import { buildWebhookEndpointStore } from '../../src/webhooks/webhook-endpoints.sql.ts'
import { createTestDatabase } from './database.ts'
import { buildBatchLanes } from './lanes.ts'

/** A thumbprint of an unused key; also usable as a `jti`. */
export const thumbprint = () => randomBytes(32).toString('base64url')
const publicJwk = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' } as const

/** Declares nothing: for tests that are not about the audit record. */
export const noExceptions = async () => ({})

/**
 * All stores on a database of their own, and helpers that fill it with data that a test needs but
 * does not test.
 */
export async function openStores(
  connections = 20,
  watch: (database: Database) => Database = (database) => database,
  lanes = buildBatchLanes(),
) {
  const testDatabase = await createTestDatabase()
  // A long timeout: these tests queue behind locks on purpose, on machines that may be busy.
  const ownDatabase = openDatabase({
    url: testDatabase.url,
    maxConnections: connections,
    timeoutMs: 15_000,
  })
  const database = watch(ownDatabase)
  const stores = {
    database,
    url: testDatabase.url,
    dueWork: buildDueWorkStore(database),
    leases: buildLeaseStore(database),
    tenants: buildTenantStore(database, random),
    brandings: buildBrandingStore(database, random),
    apiKeys: buildApiKeyStore(database, random, lanes),
    integrations: buildIntegrationStore(database, random),
    doors: buildDoorStore(database),
    keycloakCallbacks: buildKeycloakCallbackStore(database),
    users: buildUserStore(database, random),
    signingKeys: buildSigningKeyStore(database, random),
    enrollments: buildEnrollmentStore(database, random),
    enrollmentWindows: buildEnrollmentWindowStore(database, random),
    devices: buildDeviceStore(database, random),
    suspensions: buildSuspensionStore(database, random),
    deviceSpans: buildDeviceSpanStore(database, random),
    portal: buildPortalStore(database, random),
    prompts: buildPromptStore(database),
    promptEnrollments: buildPromptEnrollmentStore(database, random),
    clientRequests: buildClientRequestStore(database),
    oidcKeys: buildOidcKeyStore(database, random),
    challenges: buildChallengeStore(database, random, lanes),
    plainAnswers: buildPlainAnswerStore(database),
    deliveries: buildDeliveryStore(database),
    audit: buildAuditStore(database, random),
    tableStatistics: buildTableStatistics(database),
    personalData: buildPersonalDataStore(database, random),
    passcodes: buildPasscodeStore(database, random),
    activities: buildActivityStore(database, random),
    notices: buildNoticeStore(database, random),
    apps: buildAppStore(database, random),
    protections: buildProtectionStore(database, random),
    pushSignIn: buildPushSignInStore(database, random),
    readinessCounts: buildReadinessCountStore(database),
    retention: buildRetentionStore(database, random),
    diagnostics: buildDiagnosticsStore(database, random),
    reports: buildReportStore(database, random),
    testPushes: buildTestPushStore(database, random),
    vapidKeys: buildVapidKeyStore(database),
    pushHistory: buildPushHistoryStore(database),
    webhookEndpoints: buildWebhookEndpointStore(database, random),
    webhookDeliveries: buildWebhookDeliveryStore(database),
  }
  return {
    ...stores,
    async close() {
      await database.close()
      await testDatabase.drop()
    },
  }
}

export type Stores = Awaited<ReturnType<typeof openStores>>

/** A tenant with a relying party and a user. */
export async function aUser({ tenants, users }: Stores) {
  const tenantId = random.id('tenant')
  const signingKid = thumbprint()
  await tenants.createTenant(
    { id: tenantId, name: 'Test', identifierCase: 'fold_ascii' },
    { kid: signingKid, publicJwk, privateSealed: randomBytes(40) },
    'operator',
  )
  const party = await tenants.createRelyingParty(
    { tenantId, id: random.id('relyingParty'), name: 'RP', namespaces: ['default'] },
    'operator',
  )
  const importResult = await users.import(
    {
      tenantId,
      id: random.id('user'),
      displayName: 'Alice',
      identifiers: [{ namespace: 'default', value: 'alice' }],
    },
    'operator',
  )
  if (!importResult) throw new Error('a new tenant has no such user')
  return { tenantId, rpId: party.id, userId: importResult.user.id, signingKid }
}

export type TestUser = Awaited<ReturnType<typeof aUser>>

/** Another user of the same tenant, with this name at the same relying party. */
export async function aColleague(
  { users }: Stores,
  user: TestUser,
  value: string,
): Promise<TestUser> {
  const importResult = await users.import(
    {
      tenantId: user.tenantId,
      id: random.id('user'),
      displayName: value,
      identifiers: [{ namespace: 'default', value }],
    },
    'operator',
  )
  if (!importResult?.isNew) throw new Error(`the tenant has a ${value} already`)
  return { ...user, userId: importResult.user.id }
}

/** A key that no device has. */
export function aKey(role: BoundKey['role'] = 'possession'): BoundKey {
  return { role, kid: thumbprint(), publicJwk, mac: randomBytes(32) }
}

/** An enrollment that waits to be claimed. */
export async function anEnrollment(
  { enrollments }: Stores,
  { tenantId, rpId, userId }: TestUser,
  more: {
    readonly confirmationRequired?: boolean
    readonly replacesDeviceId?: DeviceId
    readonly parentDeviceId?: DeviceId
    readonly openedByDeviceId?: DeviceId
    readonly typedCodeHash?: Uint8Array
    readonly codeHash?: Uint8Array
    readonly ttlSeconds?: number
  } = {},
) {
  const creation = await enrollments.create({
    tenantId,
    id: random.id('enrollment'),
    userId,
    rpId,
    codeAttemptsLeft: 5,
    wrongNumbersLeft: 3,
    confirmationRequired: more.confirmationRequired ?? false,
    replacesDeviceId: more.replacesDeviceId ?? null,
    parentDeviceId: more.parentDeviceId ?? null,
    openedByDeviceId: more.openedByDeviceId ?? null,
    openedBySessionId: null,
    codeHash: more.codeHash ?? randomBytes(32),
    typedCodeHash: more.typedCodeHash ?? randomBytes(32),
    ttlSeconds: more.ttlSeconds ?? 600,
    activity: activity({ userId, type: 'enrollment_opened', actor: 'operator' }),
  })
  if (creation === 'user_suspended') throw new Error('the user is suspended')
  return creation
}

/** The input of a claim of this enrollment: a device with fresh keys. */
export function aClaim(
  enrollment: { readonly tenantId: TenantId; readonly id: EnrollmentId; readonly userId: UserId },
  more: {
    readonly numberSealed?: Uint8Array
    readonly withPush?: boolean
    readonly tokenHash?: Uint8Array
    readonly keys?: readonly BoundKey[]
    readonly devicesPerUserMax?: number
    readonly attestation?: DeviceAttestation
  } = {},
): NewDevice {
  const id = random.id('device')
  const keys = more.keys ?? [aKey()]
  const possession = keys.find(({ role }) => role === 'possession')
  if (possession) kids.set(id, possession.kid)
  return {
    device: {
      tenantId: enrollment.tenantId,
      id,
      userId: enrollment.userId,
      enrollmentId: enrollment.id,
      name: 'Phone',
      platform: 'ios',
      model: 'Model',
      osVersion: '1',
      appId: 'com.example.app',
      appVersion: '1',
      protocolVersion: 1,

      attestation: more.attestation ?? notAttested,
    },
    keys,
    push:
      more.withPush === false
        ? null
        : {
            provider: 'apns',
            environment: 'production',
            appId: 'com.example.app',
            tokenSealed: randomBytes(60),
            tokenHash: more.tokenHash ?? randomBytes(32),
          },
    numberSealed: more.numberSealed ?? null,
    passcodeSecret: { digits: 6, secretSealed: randomBytes(60) },
    devicesPerUserMax: more.devicesPerUserMax ?? 10,
    activities: [],
  }
}

/** An active device of the user. */
export async function aDevice(
  stores: Stores,
  user: TestUser,
  more: Parameters<typeof aClaim>[1] = {},
): Promise<DeviceId> {
  const claim = aClaim(await anEnrollment(stores, user), more)
  const claimResult = await stores.enrollments.claim(claim)
  if (claimResult.kind !== 'claimed') throw new Error(`the claim was refused: ${claimResult.kind}`)
  return claimResult.device.id
}

/** The protection of a user without any history. */
export const freshProtection: Protection = {
  wrongNumbersInRow: 0,
  wrongNumbersSinceSuccess: 0,
  lockedUntil: null,
  hardLockedAt: null,
  reportedUntil: null,
  pausedUntil: null,
  suspendedAt: null,
  pushSignIn: null,
  revision: 0,
}

/** The query for a creation besides the user: no key that asks, no known initiator. */
export const anyRequest = {
  keyId: null,
  initiatorKey: null,
  maySupersede: false,
  continuedId: null,
  supersededId: null,
}

type ChallengeChanges = Partial<Challenge> & { readonly ttlMs?: number }

type NewChallengeChanges = ChallengeChanges & Pick<Partial<NewChallenge>, 'idempotencyKey'>

/** A pending challenge for these devices that begins now, yet to be created. */
export function newChallengeAt(
  now: Date,
  user: TestUser,
  deviceIds: readonly DeviceId[],
  more: NewChallengeChanges = {},
): NewChallenge {
  const { ttlMs = 120_000, idempotencyKey = null, ...overrides } = more
  const { tenantId, rpId, userId, signingKid } = user
  const challenge: Challenge = {
    tenantId,
    id: random.id('challenge'),
    rpId,
    userId,
    status: 'pending',
    reason: null,
    context: {},
    numberMode: 'service',
    numberDigits: 6,
    wrongNumbersLeft: 3,
    userVerification: 'preferred',
    binding: null,
    returnUrl: null,
    deliveryMode: 'push',
    suppressed: null,
    initiatorKey: null,
    // A separate budget, so that other tests may create any number of challenges.
    budgetKey: thumbprint(),
    signingKid,
    resultJti: thumbprint(),
    resendsLeft: 3,
    lastPushAt: now,
    createdAt: now,
    expiresAt: new Date(now.getTime() + ttlMs),
    decidedAt: null,
    decidedDeviceId: null,
    ...overrides,
  }
  return {
    keyId: null,
    challenge,
    numberSealed: randomBytes(40),
    idempotencyKey,
    requestHash: randomBytes(32),
    targets: deviceIds.map((deviceId) => ({
      deviceId,
      requestPayload: '{"nonce":"n"}',
      requestHash: thumbprint(),
      protocolVersion: 1,
    })),
    pushes: deviceIds.map((deviceId) => ({ id: random.id('delivery'), deviceId })),
    superseded: null,
    budget: afterCreation(unusedBudget, challenge, true, now),
    protectionRevision: 0,
    activity: activity({ userId, type: 'challenge_created', actor: 'operator' }),
  }
}

/** The same at the database's time. */
export async function aNewChallenge(
  { database }: Stores,
  user: TestUser,
  deviceIds: readonly DeviceId[],
  more: NewChallengeChanges = {},
): Promise<NewChallenge> {
  const [row] = await database.query<{ now: Date }>('now', 'select clock_timestamp() as now', [])
  return newChallengeAt(row?.now ?? new Date(), user, deviceIds, more)
}

/** A pending challenge for these devices. */
export async function aStoredChallenge(
  stores: Stores,
  user: TestUser,
  deviceIds: readonly DeviceId[],
  more: ChallengeChanges = {},
): Promise<ChallengeId> {
  const newChallenge = await aNewChallenge(stores, user, deviceIds, more)
  if ((await stores.challenges.create(newChallenge, 'test')) !== 'done') {
    throw new Error('the challenge was not created')
  }
  return newChallenge.challenge.id
}

/** An answer as the use case would record it; approves by default. */
export function anAnswer(
  { tenantId, userId }: TestUser,
  challengeId: ChallengeId,
  deviceId: DeviceId,
  more: Partial<AnswerToRecord> = {},
): AnswerToRecord {
  return {
    tenantId,
    challengeId,
    deviceId,
    jti: thumbprint(),
    kid: thumbprint(),
    userVerified: false,
    decision: 'approve',
    effect: { outcome: 'approved', status: 'approved', reason: null, wrongNumbersLeft: 3 },
    was: { wrongNumbersLeft: 3, protection: freshProtection },
    keyRevision: 0,
    jwsSealed: Buffer.from('evidence'),
    activities: [activity({ userId, type: 'challenge_approved', actor: `device:${deviceId}` })],
    userId,
    protection: freshProtection,
    budgets: [],
    reportId: null,
    closingDeviceIds: [],
    leasedBy: 'test',
    isFollowed: false,
    ...more,
  }
}

/** The possession keys of the devices that were claimed here. */
const kids = new Map<DeviceId, string>()

/** A fresh proof of this device, by its possession key. */
export function aProof({ tenantId }: Pick<TestUser, 'tenantId'>, deviceId: DeviceId) {
  const kid = kids.get(deviceId) ?? thumbprint()
  return { tenantId, deviceId, kid, jti: thumbprint(), expiresAt: new Date(Date.now() + 70_000) }
}

/** A transaction on its own connection, to hold locks. */
export async function beginOn({ url }: Pick<Stores, 'url'>) {
  const client = new pg.Client({ connectionString: url })
  // Disconnected when a test fails before it commits; the failure itself says more.
  client.on('error', () => undefined)
  await client.connect()
  await client.query('begin')
  return {
    query: (text: string, values: readonly unknown[] = []) => client.query(text, [...values]),
    async commit() {
      await client.query('commit')
      await client.end()
    },
  }
}

/** How many connections to the stores' database wait for a lock. */
export async function lockWaiters({ database }: Pick<Stores, 'database'>): Promise<number> {
  const waiters = await database.query(
    'lock_waiters',
    `select 1 from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock'`,
    [],
  )
  return waiters.length
}
