// Deliveries to the example's identity provider twice, too early, from others, or not at all.

import { randomUUID } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { newPerson, startTestProvider, type TestProvider } from '../support/identity-provider.ts'
import { type Phone, type RunningService, startTestService } from '../support/running-service.ts'
import { until } from '../support/until.ts'
import { deliver } from '../support/webhook-tap.ts'

const stack = new AsyncDisposableStack()
let service: RunningService
let provider: TestProvider
/**
 * Replaces the provider's next calls of the service, or runs before their response is passed on.
 */
let between:
  | ((call: { method: string; url: string; go: () => Promise<Response> }) => Promise<Response>)
  | undefined
/** Everything that the provider has sent to the service. */
const sentCalls: string[] = []

const watchedFetch: typeof fetch = (input, init) => {
  const url = String(input)
  const method = init?.method ?? 'GET'
  sentCalls.push(JSON.stringify([method, url, init?.headers, init?.body]))
  const go = () => fetch(input, init)
  return between ? between({ method, url, go }) : go()
}

beforeAll(async () => {
  service = stack.use(await startTestService())
  provider = stack.use(await startTestProvider(service, { fetch: watchedFetch, timeoutMs: 20_000 }))
})
afterEach(() => {
  between = undefined
})
afterAll(() => stack.disposeAsync())

async function approve(phone: Phone, digits = '483920') {
  const [request] = (await phone.client.pending()).requests
  if (!request) throw new Error('nothing is pending')
  await phone.client.approve(request, digits)
  return request.challengeId
}

const approvalOf = (challengeId: string) =>
  until('the approval is delivered', () =>
    provider.tap.webhooks.find(
      ({ type, body }) => type === 'challenge.approved' && body.includes(challengeId),
    ),
  )

/** A webhook that only the holder of the secret can sign. */
function signedDelivery(payload: unknown, secret = provider.webhookSecret) {
  const id = `evt_${randomUUID()}`
  const body = JSON.stringify(payload)
  const at = new Date()
  return {
    body,
    headers: {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign(id, at, body),
    },
  }
}

const harmless = { type: 'webhook.test', data: {} }

test('an approval delivered before the CIBA request was acknowledged signs in', async () => {
  const { user, phone } = await newPerson(service, provider)
  between = async ({ method, go }) => {
    const response = await go()
    if (method !== 'POST') return response
    await approvalOf(await approve(phone))
    // A later call that is answered shows that it has arrived and is being processed.
    for (const _ of [1, 2, 3]) await deliver(provider.webhookUrl, signedDelivery(harmless))
    return response
  }
  const authRequest = await provider.ask(user, 'Sign-in 483920')
  between = undefined
  expect(await provider.wait(authRequest)).toMatchObject({ sub: user })
})

test('a repeated webhook changes nothing, and issues no second token', async () => {
  const { user, phone } = await newPerson(service, provider)
  const authRequest = await provider.ask(user, 'Sign-in 483920')
  const approval = await approvalOf(await approve(phone))
  await until('it was accepted', () => approval.status === 204)
  const again = () => Promise.all([1, 2, 3].map(() => deliver(provider.webhookUrl, approval)))
  expect(await again()).toEqual([204, 204, 204])
  expect(await provider.poll(authRequest)).toBe('ok')
  expect(await again()).toEqual([204, 204, 204])
  expect(await provider.poll(authRequest)).toBe('invalid_grant')
})

test('concurrent webhooks settle a sign-in once, also when one is processed after the token was fetched', async () => {
  const { user, phone } = await newPerson(service, provider)
  const authRequest = await provider.ask(user, 'Sign-in 483920')
  let readings = 0
  const gate = Promise.withResolvers<void>()
  between = async ({ url, go }) => {
    if (url.includes('/v1/challenges/') && ++readings > 1) await gate.promise
    return go()
  }
  const approval = await approvalOf(await approve(phone))
  const again = deliver(provider.webhookUrl, approval)
  await until('it can be fetched', async () => (await provider.poll(authRequest)) === 'ok')
  gate.resolve()
  expect(await again).toBe(204)
  between = undefined
  expect(readings).toBe(1)
  expect(await provider.poll(authRequest)).toBe('invalid_grant')
})

test('an end that arrives while the service cannot be read is delivered again, and then signs in', async () => {
  const { user, phone } = await newPerson(service, provider)
  const authRequest = await provider.ask(user, 'Sign-in 483920')
  between = async () => {
    throw new TypeError('the network is down')
  }
  const approval = await approvalOf(await approve(phone))
  await until('it was not accepted', () => approval.status === 503)
  expect(await provider.poll(authRequest)).toBe('authorization_pending')
  between = undefined
  expect(await provider.wait(authRequest)).toMatchObject({ sub: user })
})

test('a service that does not answer counts as down, and the client gets the error in time', async () => {
  const deaf: typeof fetch = (_input, init) =>
    new Promise((_, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
    })
  await using impatient = await startTestProvider(service, { fetch: deaf, timeoutMs: 100 })
  const { user } = await newPerson(service, impatient)
  const refusal = impatient.ask(user, 'Sign-in 483920')
  await expect(refusal).rejects.toMatchObject({ error: 'temporarily_unavailable' })
})

test('the auth_req_id, by which tokens are fetched, is sent only to the client', async () => {
  const { user, phone } = await newPerson(service, provider)
  const authRequest = await provider.ask(user, 'Sign-in 483920')
  await approve(phone)
  await provider.wait(authRequest)
  expect(sentCalls.length).toBeGreaterThan(1)
  const everything = [...sentCalls, ...provider.tap.webhooks.map(({ body }) => body)].join('\n')
  expect(everything).not.toContain(authRequest.auth_req_id)
})

describe('nobody is signed in', () => {
  /** Creates a challenge, and finds its id at the service. */
  async function ask() {
    const { user, phone } = await newPerson(service, provider)
    const before = sentCalls.length
    const authRequest = await provider.ask(user, 'Sign-in 483920')
    const [, , headers] = JSON.parse(sentCalls[before] ?? '[]')
    const data = { idempotencyKey: headers['idempotency-key'], status: 'approved' }
    return { user, phone, authRequest, event: { type: 'challenge.approved', data } }
  }

  test('by a webhook signed with another secret', async () => {
    const { authRequest, event } = await ask()
    const other = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
    const before = sentCalls.length
    expect(await deliver(provider.webhookUrl, signedDelivery(event, other))).toBe(400)
    expect(sentCalls.length).toBe(before)
    expect(await provider.poll(authRequest)).toBe('authorization_pending')
  })

  test('by a well-signed webhook that reports an approval of a pending challenge', async () => {
    const { authRequest, event } = await ask()
    expect(await deliver(provider.webhookUrl, signedDelivery(event))).toBe(503)
    expect(await provider.poll(authRequest)).toBe('authorization_pending')
  })

  test('by a well-signed webhook that reports an approval after a denial', async () => {
    const { phone, authRequest, event } = await ask()
    const [request] = (await phone.client.pending()).requests
    if (!request) throw new Error('nothing is pending')
    await phone.client.deny(request)
    expect(await deliver(provider.webhookUrl, signedDelivery(event))).toBe(204)
    expect(await provider.poll(authRequest)).toBe('access_denied')
  })

  test('by the approval of another sign-in instead of its own', async () => {
    const other = await ask()
    const approval = await approve(other.phone)
    await provider.wait(other.authRequest)
    const { json } = await service.api('GET', `/v1/challenges/${approval}`)
    const { authRequest, event } = await ask()
    between = async ({ url, go }) => (url.includes('/v1/challenges/') ? Response.json(json) : go())
    expect(await deliver(provider.webhookUrl, signedDelivery(event))).toBe(503)
    between = undefined
    expect(await provider.poll(authRequest)).toBe('authorization_pending')
  })

  test('by webhooks about foreign challenges, which are accepted and ignored', async () => {
    const { authRequest, event } = await ask()
    for (const payload of [
      { ...event, data: { ...event.data, idempotencyKey: randomUUID() } },
      { ...event, data: { ...event.data, idempotencyKey: null } },
      { ...event, type: 'challenge.fetched' },
      harmless,
    ]) {
      expect(await deliver(provider.webhookUrl, signedDelivery(payload))).toBe(204)
    }
    expect(await provider.poll(authRequest)).toBe('authorization_pending')
  })
})
