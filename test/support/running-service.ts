import { randomBytes } from 'node:crypto'
import { devNull } from 'node:os'
import { type Logger, pino } from 'pino'
import { DeviceClient } from '../../clients/device/src/device-client.ts'
import {
  type Claim,
  claimEnrollment,
  type EnrollmentTicket,
  readEnrollmentUri,
} from '../../clients/device/src/enrollment.ts'
import { createDeviceKeys, type DeviceKeys } from '../../clients/device/src/keys.ts'
import type { SimulatorCredentials } from '../../simulator/credentials.ts'
import type { AcceptedPush } from '../../simulator/pushes.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { pushServiceHosts } from '../../src/domain/push-subscription.ts'
import { type Overrides, type Service, startService } from '../../src/service/compose.ts'
import type { Config } from '../../src/service/config.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'
import { freePort } from './ports.ts'

const androidApp = 'com.example.android'

/** The configuration of a service that pushes through the simulator. */
export function testConfig(
  { apns, fcm, webPush, caPem, credentials }: Simulator,
  databaseUrl: string,
  port: number,
  more: Partial<Config> = {},
): Config {
  const { keyPem: pem, keyId, teamId, bundleIds } = credentials.apns
  return {
    ...{ publicOrigin: null, authenticatorOrigin: null, webauthnRpId: null },
    host: '127.0.0.1',
    port,
    role: 'all',
    stopDelaySeconds: 0,
    trustProxy: null,
    logLevel: 'silent',
    metricsToken: null,
    apiDocs: true,
    database: { url: databaseUrl, schema: 'public', connections: 10 },
    dataFolder: '.countersign',
    revocationLog: devNull,
    masterKeys: { current: randomBytes(32), previous: [] },
    redisUrl: null,
    issuers: { networks: ['127.0.0.0/8'], httpHosts: ['127.0.0.1'], ca: [] },
    webhooks: { networks: ['127.0.0.0/8'], httpHosts: ['127.0.0.1', 'localhost'], ca: [] },
    pushEndpoints: {
      apns: { address: apns, ca: [caPem] },
      fcm: { address: fcm, ca: [caPem] },
    },
    apns: {
      key: { pem, keyId, teamId },
      bundleId: bundleIds[0] ?? '',
      address: apns,
      ca: [caPem],
    },
    fcm: {
      serviceAccount: credentials.fcm.serviceAccount,
      appId: androidApp,
      address: fcm,
      ca: [caPem],
    },
    webPush: { address: webPush, ca: [caPem], hosts: pushServiceHosts, subject: null },
    linkedApps: [],
    attestation: { androidApps: [], appleApps: [], revocationsFile: null },
    ...more,
  }
}

let sharedCredentials: SimulatorCredentials | undefined

/** A simulator with the credentials of the first one here: an RSA key takes long to create. */
export async function startTestSimulator(): Promise<Simulator> {
  const simulator = await startSimulator(sharedCredentials && { credentials: sharedCredentials })
  sharedCredentials ??= simulator.credentials
  return simulator
}

/** An answer of the REST API. */
export type Reply = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect; a wrong shape fails them
  readonly json: any
}

/** Calls a service as a relying party does. */
export type Api = (
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Reply>

export function createApi(origin: string, key: string): Api {
  return async (method, path, body, headers = {}) => {
    const response = await fetch(`${origin}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json')
    const json = isJson && text !== '' ? JSON.parse(text) : undefined
    return { status: response.status, headers: response.headers, text, json }
  }
}

export type RunningService = AsyncDisposable & {
  readonly origin: string
  readonly simulator: Simulator
  readonly database: TestDatabase
  readonly config: Config
  readonly key: string
  readonly tenantId: string
  readonly api: Api
  readonly service: Service
  /**
   * Ends this process of the service, and starts another on the same database and port; `between`
   * runs while there is none.
   */
  restart(between?: () => Promise<void>): Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** A whole service on a database of its own, pushing through a simulator of its own. */
export async function startTestService(
  more: Partial<Config> = {},
  log: Logger = pino({ level: 'silent' }),
  overrides: Overrides = {},
): Promise<RunningService> {
  const simulator = await startTestSimulator()
  const database = await createTestDatabase()
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const config = testConfig(simulator, database.url, port, more)
  let service = await startService(config, origin, log, overrides)
  const { firstKey } = service
  if (!firstKey) throw new Error('a new database has no tenant')
  return {
    origin,
    simulator,
    database,
    config,
    key: firstKey.secret,
    tenantId: firstKey.tenantId,
    api: createApi(origin, firstKey.secret),
    get service() {
      return service
    },
    async restart(between) {
      await service.stop()
      await between?.()
      service = await startService(config, origin, log, overrides)
    },
    async [Symbol.asyncDispose]() {
      await service.stop()
      await simulator.close()
      await database.drop()
    },
  }
}

/** A phone that is enrolled and active, with the pushes that reached it. */
export type Phone = {
  readonly client: DeviceClient
  readonly keys: DeviceKeys
  readonly deviceId: string
  readonly userId: string
  /** The push token that it registered, or would have. */
  readonly token: string
  readonly pushes: readonly AcceptedPush[]
}

/** Where and how a phone joins. */
export type PhoneOptions = {
  readonly user?: string
  readonly platform?: 'ios' | 'android'
  readonly verification?: boolean
  /** Without a push token it finds challenges only by polling. */
  readonly withPush?: boolean
  readonly name?: string
  /** By default the app of the service's environment. */
  readonly appId?: string
  /** What its person reads, a tag of BCP 47. */
  readonly language?: string
  /** How its calls reach the service. */
  readonly fetch?: typeof fetch
}

/** The challenge of a push, of either provider. */
export function challengeOf(push: AcceptedPush): string {
  const ids = push.provider === 'apns' ? (push.payload as { cid?: string }) : push.data
  return String(ids.cid)
}

/** A phone that has scanned or typed a code; its person has yet to type the number. */
export async function claimPhone(
  { simulator }: Pick<RunningService, 'simulator'>,
  ticket: EnrollmentTicket,
  options: PhoneOptions = {},
): Promise<Phone> {
  const { user = 'alice', platform = 'ios', verification = true, withPush = true } = options
  const provider = platform === 'ios' ? 'apns' : 'fcm'
  const usual = platform === 'ios' ? `${simulator.credentials.apns.bundleIds[0]}` : androidApp
  const appId = options.appId ?? usual
  const { token } = simulator.phones.register({ provider, appId })
  const pushes: AcceptedPush[] = []
  simulator.phones.listen(token, (push) => pushes.push(push))
  const keys = await createDeviceKeys({ verification })
  const { fetch, language } = options
  const world = { ...(fetch && { fetch }), ...(language && { language }) }
  const claim: Claim = {
    ticket,
    keys,
    appId,
    device: {
      name: options.name ?? `phone of ${user}`,
      platform,
      model: 'Test',
      osVersion: '1',
      appVersion: '1.0.0',
      ...(language && { language }),
    },
    ...(withPush && { push: { provider, token } }),
  }
  const account = await claimEnrollment(claim, world)
  const client = new DeviceClient({ account, keys, ...world })
  return { client, keys, deviceId: account.deviceId, userId: account.user.id, token, pushes }
}

/** Enrolls a phone as people do: scan, claim, read the number on the page, type it. */
export async function enrollPhone(
  { api, simulator }: Pick<RunningService, 'api' | 'simulator'>,
  options: PhoneOptions = {},
): Promise<Phone> {
  const { user = 'alice' } = options
  const enrollment = await api('POST', '/v1/enrollments', { user, displayName: user })
  if (enrollment.status !== 201) throw new Error(enrollment.text)
  const ticket = readEnrollmentUri(enrollment.json.uri)
  if (!ticket) throw new Error(`not an enrollment URI: ${enrollment.json.uri}`)
  const phone = await claimPhone({ simulator }, ticket, options)
  const claimReply = await api('GET', `/v1/enrollments/${enrollment.json.id}`)
  await phone.client.confirm(claimReply.json.number)
  return phone
}
