import type { FastifyInstance } from 'fastify'
import type { ChallengeReading } from '../../../src/challenges/read-challenge.ts'
import type { Challenge } from '../../../src/domain/challenge.ts'
import type { Device } from '../../../src/domain/device.ts'
import type { DeviceProof } from '../../../src/domain/device-proof.ts'
import type { Enrollment } from '../../../src/domain/enrollment.ts'
import type { Id, IdKind } from '../../../src/domain/ids.ts'
import { idPrefixes } from '../../../src/domain/ids.ts'
import type { PortalSession } from '../../../src/domain/portal.ts'
import type { Principal } from '../../../src/domain/principal.ts'
import { refuse } from '../../../src/domain/refusal.ts'
import { plainMapping } from '../../../src/domain/user-name.ts'
import type { DoorClient } from '../../../src/doors/authenticate-integration.ts'
import type { RealmToken } from '../../../src/doors/keycloak/realms.store.ts'
import { buildApp } from '../../../src/service/app.ts'
import type { AppOptions } from '../../../src/service/app-options.ts'
import type { UseCases } from '../../../src/service/bind-use-cases.ts'
import { buildQueues } from '../../../src/service/open-fair-queues.ts'
import type { User } from '../../../src/users/user.store.ts'
import { aPendingChallenge } from '../../domain/examples.ts'

/** A well-formed id; the last character tells one from another. */
export function anId<K extends IdKind>(kind: K, last = '0'): Id<K> {
  return `${idPrefixes[kind]}_01jv9z3k8we2tvn4qh6yrx7b5${last}`
}

export const at = new Date('2026-01-31T12:00:00.123Z')
export const publicOrigin = 'https://countersign.example'
export const bearer = { authorization: 'Bearer cs_key' }

export const principal: Principal = {
  tenantId: anId('tenant'),
  rpId: anId('relyingParty'),
  rpName: 'Example Bank',
  keyId: anId('apiKey'),
  scopes: ['admin'],
  namespaces: ['entra'],
}

export const portalSession: PortalSession = {
  tenantId: anId('tenant'),
  id: anId('portalSession'),
  userId: anId('user'),
  rpId: anId('relyingParty'),
  tenantName: 'Example',
  userName: 'Ada Lovelace',
  openedAt: at,
  expiresAt: at,
  verifiedAt: null,
  challengeId: null,
  linkScopes: ['admin'],
  readAt: at,
}

export const proof: DeviceProof = {
  jws: { text: 'a.b.c', header: {}, payload: {}, signedHash: 'h' },
  kid: 'k',
  tenantId: anId('tenant'),
  deviceId: anId('device'),
  jti: 'jti',
  expiresAt: at,
  clockSkewMs: 0,
  assertion: null,
}

/** An authenticated client. */
export const doorClient: DoorClient = {
  door: {
    tenantId: anId('tenant'),
    rpId: anId('relyingParty'),
    rpName: 'Example Bank',
    namespaces: ['entra'],
    integrationId: anId('integration'),
    policy: {},
  },
  integration: {
    tenantId: anId('tenant'),
    id: anId('integration'),
    rpId: anId('relyingParty'),
    name: 'VPN',
    settings: { kind: 'wait' },
    numberMode: 'caller',
    namespace: 'entra',
    userNames: plainMapping,
    allowedAddresses: [],
    policy: {},
    ttlSeconds: null,
    status: 'active',
    integrationKey: null,
    revision: 1,
    createdAt: at,
    updatedAt: at,
    uses: 0,
    lastUsedAt: null,
    lastError: null,
  },
}

const realmToken: RealmToken = {
  issuer: 'https://id.example.com/realms/staff',
  jti: 'jti',
  clientId: 'payroll',
  expiresAt: at,
}

/** A pending challenge of `principal`. */
export function aChallenge(overrides: Partial<Challenge> = {}): Challenge {
  return aPendingChallenge({
    tenantId: anId('tenant'),
    id: anId('challenge'),
    rpId: anId('relyingParty'),
    userId: anId('user'),
    context: { application: 'Payroll', fields: [{ label: 'Amount', value: 'CHF 120.00' }] },
    lastPushAt: at,
    createdAt: at,
    expiresAt: at,
    ...overrides,
  })
}

export function aReading(overrides: Partial<Challenge> = {}): ChallengeReading {
  const challenge = aChallenge(overrides)
  return {
    challenge,
    devices: [
      {
        deviceId: anId('device'),
        fetchedAt: at,
        receivedAt: null,
        push: { status: 'sent', reason: null, attempts: 1, settledAt: at },
      },
    ],
    decidedBy: null,
    now: at,
    result: challenge.status === 'pending' ? null : 'result.jws.text',
  }
}

export function aDevice(overrides: Partial<Device> = {}): Device {
  return {
    tenantId: anId('tenant'),
    id: anId('device'),
    userId: anId('user'),
    enrollmentId: anId('enrollment'),
    status: 'active',
    name: "Ada's phone",
    platform: 'android',
    model: 'Pixel 9',
    osVersion: '16',
    appId: 'com.example.auth',
    appVersion: '3.1.0',
    protocolVersion: 1,
    language: null,
    parentDeviceId: null,
    hasPushToken: true,
    hasVerificationKey: true,
    passkey: null,
    attestation: { level: 'none', verdict: 'not_asked', why: null },
    createdAt: at,
    activatedAt: at,
    lastSeenAt: null,
    unregisteredAt: null,
    unregisterReason: null,
    suspendedAt: null,
    ...overrides,
  }
}

export function anEnrollment(overrides: Partial<Enrollment> = {}): Enrollment {
  return {
    tenantId: anId('tenant'),
    id: anId('enrollment'),
    userId: anId('user'),
    rpId: anId('relyingParty'),
    status: 'open',
    reason: null,
    codeAttemptsLeft: 5,
    wrongNumbersLeft: 3,
    confirmationRequired: true,
    replacesDeviceId: null,
    parentDeviceId: null,
    deviceId: null,
    openedByDeviceId: null,
    openedBySessionId: null,
    createdAt: at,
    expiresAt: at,
    claimedAt: null,
    endedAt: null,
    ...overrides,
  }
}

export const aUser: User = {
  tenantId: anId('tenant'),
  id: anId('user'),
  displayName: 'Ada Lovelace',
  identifiers: [{ namespace: 'entra', value: 'ada@example.com' }],
  language: 'nl-BE',
  status: 'active',
  createdAt: at,
}

/** Use cases of which only the given ones may be called; keys and proofs are valid by default. */
function useCasesWith(overrides: Partial<UseCases>): UseCases {
  const defaults: Partial<UseCases> = {
    authenticateApiKey: async (authorization) =>
      authorization === bearer.authorization ? principal : refuse('api_key_invalid'),
    authenticatePortal: async (cookie) =>
      cookie === 'session' ? portalSession : refuse('portal_session_invalid'),
    enterDoor: async ({ kind, proof: doorProof }) =>
      kind === 'keycloak_ciba' || ('secret' in doorProof && doorProof.secret === 'door')
        ? doorClient
        : refuse('integration_invalid'),
    verifyRealm: async (_entered, token) =>
      token === 'realm' ? realmToken : refuse('integration_invalid'),
    readDeviceProof: (header) => (header === undefined ? refuse('proof_missing') : proof),
  }
  return new Proxy({ ...defaults, ...overrides } as UseCases, {
    get: (useCases, name: keyof UseCases) => {
      if (name in useCases) return useCases[name]
      throw new Error(`the route called ${name}, which this test does not give`)
    },
  })
}

/** The app with these use cases, without a log by default. */
export async function anApp(
  useCases: Partial<UseCases> = {},
  options: Partial<AppOptions> = {},
): Promise<FastifyInstance> {
  return buildApp({
    useCases: useCasesWith(useCases),
    admission: buildQueues(16).admission,
    logger: false,
    publicOrigin,
    isUnavailable: () => false,
    ready: async () => true,
    stopWaiting: () => undefined,
    metrics: {
      contentType: 'text/plain; version=0.0.4',
      read: async () => 'up 1\n',
      token: null,
    },
    clock: { now: () => at },
    ...options,
  })
}

/** One documented route. */
export type Route = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** The path with well-formed ids in it. */
  readonly url: string
  readonly operation: {
    readonly operationId: string
    readonly tags: string[]
    readonly summary: string
    readonly security: Record<string, string[]>[]
    readonly requestBody?: unknown
    readonly parameters?: { in: string; name: string }[]
    readonly responses: Record<string, { description: string; content?: Record<string, unknown> }>
  }
}

const kindOf: Readonly<Record<string, IdKind>> = {
  'api-keys': 'apiKey',
  enrollments: 'enrollment',
  prompt: 'prompt',
  phones: 'enrollment',
  'sign-ins': 'challenge',
  'sign-in': 'relyingParty',
  challenges: 'challenge',
  pushes: 'delivery',
  apps: 'app',
  integrations: 'integration',
  wait: 'integration',
  keycloak: 'integration',
  devices: 'device',
  users: 'user',
  'relying-parties': 'relyingParty',
  'webhook-endpoints': 'webhookEndpoint',
  reports: 'report',
  diagnostics: 'diagnostics',
  activities: 'activity',
  t: 'tenant',
}

type Response = Route['operation']['responses'][string]
type Description = {
  readonly paths?: Record<string, Record<string, unknown>>
  readonly components: { readonly responses: Readonly<Record<string, Response>> }
}

/** The operation with its shared responses in their places. */
function withoutRefs(
  operation: Route['operation'],
  components: Description['components'],
): Route['operation'] {
  const responses = Object.entries(operation.responses).map(([status, response]) => [
    status,
    '$ref' in response
      ? components.responses[String(response.$ref).split('/').at(-1) ?? '']
      : response,
  ])
  return { ...operation, responses: Object.fromEntries(responses) }
}

/** Every route of the description, which the app builds from the routes themselves. */
export async function routesOf(app: FastifyInstance): Promise<Route[]> {
  const { paths = {}, components } = (await app.describeApi()) as Description
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item ?? {}).map(([method, operation]) => ({
      method: method.toUpperCase() as Route['method'],
      url: path
        .replace('{secret}', 'A'.repeat(43))
        .replace(/\/([^/]+)\/\{\w+\}/g, (_match, noun: string) => {
          const kind = kindOf[noun]
          if (kind === undefined) throw new Error(`no kind of id is known for /${noun}/`)
          return `/${noun}/${anId(kind)}`
        }),
      operation: withoutRefs(operation as Route['operation'], components),
    })),
  )
}

/** The headers by which this route authenticates its caller. */
export function credentialsFor({ operation }: Route): Record<string, string> {
  const schemes = operation.security.flatMap((one) => Object.keys(one))
  if (schemes.includes('apiKey')) return bearer
  if (schemes.includes('realmToken')) return { authorization: 'Bearer realm' }
  if (schemes.includes('integrationSecret')) return { authorization: 'Bearer door' }
  if (schemes.includes('deviceProof')) return { 'device-proof': 'proof' }
  // Opening the portal takes no session, but still a page of the same origin.
  return { cookie: '__Host-countersign-portal=session', 'sec-fetch-site': 'same-origin' }
}
