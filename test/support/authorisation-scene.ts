// Objects of one user for calls, each created on first use.

import { randomBytes } from 'node:crypto'
import { onServer } from './cluster.ts'
import { callAsDevice, freshJti, seconds, sign } from './device-calls.ts'
import { type Api, enrollPhone, type Phone, type RunningService } from './running-service.ts'

/** A tenant of a running service, with a key of all scopes. */
export type Tenancy = Pick<RunningService, 'origin' | 'tenantId' | 'simulator' | 'api' | 'database'>

/** The response of `api`, which must be a success. */
export async function successOf(
  api: Api,
  method: 'GET' | 'POST' | 'PATCH',
  path: string,
  body?: unknown,
) {
  const reply = await api(method, path, body)
  if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.text}`)
  return reply.json
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | undefined
  return () => {
    value ??= make()
    return value
  }
}

async function idFrom(service: Tenancy, what: string, text: string): Promise<string> {
  const { rows } = await onServer(service.database.url, (client) => client.query(text))
  const [row] = rows
  if (!row) throw new Error(`no ${what}`)
  return row.id
}

/** A user of the tenant, created on first use. */
export function createScene(service: Tenancy) {
  const { api } = service
  const name = `user-${randomBytes(6).toString('hex')}`
  const user = once(async () => {
    const userInput = { displayName: name, identifiers: [name] }
    return (await successOf(api, 'POST', '/v1/users', userInput)).id as string
  })
  const enroll = (more: object) =>
    once(async () => {
      await user()
      return enrollPhone(service, { user: name, ...more })
    })
  const phone = enroll({})
  const party = once(
    async () =>
      (await successOf(api, 'POST', '/v1/relying-parties', { name, namespaces: [name] }))
        .id as string,
  )
  const door = once(async () => {
    const input = { relyingPartyId: await party(), ...newIntegration(name) }
    return (await successOf(api, 'POST', '/v1/integrations', input)) as {
      id: string
      secret: string
    }
  })
  const browser = once(async () => browserOf(service, await user()))
  const challenge = once(async () => {
    await phone()
    return (
      await successOf(api, 'POST', '/v1/challenges', { user: name, number: { mode: 'service' } })
    ).id as string
  })
  const testPush = once(async () => {
    const path = `/v1/devices/${(await phone()).deviceId}/test-push`
    return (await successOf(api, 'POST', path)) as { id: string; deviceId: string }
  })
  const activity = once(async () => {
    const { deviceId } = await phone()
    const text = `select id from activities where device_id = '${deviceId}' limit 1`
    return idFrom(service, 'activity', text)
  })
  return {
    service,
    name,
    user,
    phone,
    party,
    challenge,
    activity,
    /** Another phone of the user, to be lost. */
    lost: enroll({ withPush: false }),
    enrollment: once(async () => {
      await user()
      return (await successOf(api, 'POST', '/v1/enrollments', { user: name })).id as string
    }),
    nextEnrollment: once(async () => {
      const enrollment = await callAsDevice(service, await phone(), {
        method: 'POST',
        path: '/device/v1/enrollments',
        body: { replacesDeviceId: null },
        key: (await phone()).keys.verification ?? (await phone()).keys.possession,
      })
      if (enrollment.status !== 201) throw new Error(enrollment.text)
      return enrollment.json.id as string
    }),
    decided: once(async () => {
      await phone()
      const { id } = await successOf(api, 'POST', '/v1/challenges', { user: name })
      const { client } = await phone()
      const request = (await client.pending()).requests.find((one) => one.challengeId === id)
      if (!request) throw new Error('the phone is not asked')
      await client.deny(request)
      return id as string
    }),
    /** The phone, after a test push to it. */
    testPushed: async () => (await testPush()).deviceId,
    testPush: async () => (await testPush()).id,
    apiKey: once(async () => {
      const relyingPartyId = await party()
      return (await successOf(api, 'POST', '/v1/api-keys', { relyingPartyId, name })).id as string
    }),
    app: once(
      async () => (await successOf(api, 'POST', '/v1/apps', newApp(service, name))).id as string,
    ),
    integration: async () => (await door()).id,
    /** The secret of a client of the integration. */
    integrationSecret: async () => (await door()).secret,
    endpoint: once(
      async () => (await successOf(api, 'POST', '/v1/webhook-endpoints', newEndpoint)).id as string,
    ),
    report: once(async () => {
      const path = `/device/v1/activities/${await activity()}/report`
      const report = await callAsDevice(service, await phone(), { method: 'POST', path })
      if (report.status !== 201) throw new Error(report.text)
      return report.json.reportId as string
    }),
    incident: once(async () => {
      const body = { appVersion: '1', text: 'x' }
      const call = { method: 'POST', path: '/device/v1/diagnostics', body } as const
      const reply = await callAsDevice(service, await phone(), call)
      if (reply.status !== 201) throw new Error(reply.text)
      return reply.json.incidentId as string
    }),
    temporaryCode: once(
      async () =>
        (await successOf(api, 'POST', `/v1/users/${await user()}/temporary-codes`, {}))
          .code as string,
    ),
    /** A signed-in browser of the user: its headers. */
    browser,
    /** An enrollment that the browser opened. */
    portalEnrollment: once(async () => {
      const response = await fetch(`${service.origin}/portal/v1/enrollments`, {
        method: 'POST',
        headers: { ...(await browser()), 'content-type': 'application/json' },
        body: '{}',
      })
      if (response.status !== 201) throw new Error(await response.text())
      return ((await response.json()) as { id: string }).id
    }),
  }
}

export type Scene = ReturnType<typeof createScene>

/** An endpoint without a listener. */
export const newEndpoint = { url: 'https://webhooks.invalid/', events: ['activity.recorded'] }

/** An app of this name with the simulator's credentials. */
export function newApp({ simulator }: Pick<Tenancy, 'simulator'>, name: string) {
  const fcm = simulator.credentials.fcm.serviceAccount
  return { appId: `com.example.${name}`, name, credentials: { provider: 'fcm', fcm } }
}

/** A door of this name for clients that wait. */
export function newIntegration(name: string) {
  return { name, settings: { kind: 'wait' } }
}

/** The headers of a browser after its user has opened a fresh link. */
async function browserOf({ api, origin }: Tenancy, userId: string) {
  const { url } = await successOf(api, 'POST', `/v1/users/${userId}/portal-sessions`)
  const [, , tenantId, , token] = new URL(url).pathname.split('/')
  const ours = { 'sec-fetch-site': 'same-origin' }
  const session = await fetch(`${origin}/portal/v1/sessions`, {
    method: 'POST',
    headers: { ...ours, 'content-type': 'application/json' },
    body: JSON.stringify({ tenantId, token }),
  })
  const cookie = session.headers.get('set-cookie')?.split(';')[0]
  if (!cookie) throw new Error(await session.text())
  return { ...ours, cookie }
}

/**
 * A denial of a challenge by a phone as it signs one; unknown facts of an unseen challenge are made
 * up.
 */
export async function denialBy(phone: Phone, tenantIssuer: string, challengeId: string) {
  const { requests } = await phone.client.pending().catch(() => ({ requests: [] }))
  const request = requests.find((one) => one.challengeId === challengeId)
  const madeUp = randomBytes(32).toString('base64url')
  const claims = {
    iss: phone.deviceId,
    sub: phone.userId,
    aud: tenantIssuer,
    jti: freshJti(),
    iat: seconds(),
    exp: seconds(60),
    cid: challengeId,
    nonce: request?.nonce ?? madeUp,
    rqh: request?.requestHash ?? madeUp,
    dec: 'deny',
    uv: false,
  }
  return sign(phone.keys.possession, 'approval-response+jwt', claims)
}

/** The possession key of this phone once more, as a new key: permitted, and without effect. */
export async function ownKeyAgain({ keys, deviceId, client }: Phone) {
  const { possession } = keys
  const claims = {
    aud: client.account.issuer,
    did: deviceId,
    role: 'possession',
    pk: possession.kid,
  }
  const rest = { replaces: possession.kid, iat: seconds(), jti: freshJti() }
  const proof = await sign(possession, 'device-key+jwt', { ...claims, ...rest })
  return { role: 'possession', key: possession.publicJwk, proof }
}
