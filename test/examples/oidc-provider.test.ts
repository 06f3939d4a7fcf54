// npm oidc-provider serves CIBA requests of npm openid-client; the service, its webhooks and the
// phones are real.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { onServer } from '../support/cluster.ts'
import { newPerson, startTestProvider, type TestProvider } from '../support/identity-provider.ts'
import { letTimePass } from '../support/passing-time.ts'
import { type Phone, type RunningService, startTestService } from '../support/running-service.ts'
import { until } from '../support/until.ts'

const stack = new AsyncDisposableStack()
let service: RunningService
let provider: TestProvider

beforeAll(async () => {
  service = stack.use(await startTestService())
  provider = stack.use(await startTestProvider(service))
})
afterAll(() => stack.disposeAsync())

async function pendingAt(phone: Phone) {
  const [request] = (await phone.client.pending()).requests
  if (!request) throw new Error('nothing is pending')
  return request
}

async function typeWrongDigits(phone: Phone) {
  const request = await pendingAt(phone)
  for (const digits of ['000001', '000002', '000003']) {
    await expect(phone.client.approve(request, digits)).rejects.toThrow()
  }
}

const cancel = (id: string) => service.api('POST', `/v1/challenges/${id}/cancel`)

async function patchUser(userId: string, changes: unknown) {
  const { status, text } = await service.api('PATCH', `/v1/users/${userId}`, changes)
  expect(status, text).toBe(200)
}

async function reportClient(phone: Phone, user: string) {
  await provider.ask(user, 'Sign-in 271828')
  await phone.client.report(await pendingAt(phone))
}

const questionsTo = async ({ userId }: Phone) =>
  (await service.api('GET', `/v1/challenges?userId=${userId}`)).json.items

describe('a sign-in', () => {
  test('is approved with the binding message’s digits, and the id token says how the user was verified', async () => {
    const { user, phone } = await newPerson(service, provider)
    const authRequest = await provider.ask(user, 'Sign-in 483920')
    const request = await pendingAt(phone)
    expect(request.context).toMatchObject({
      application: 'Service desk',
      action: 'Sign in',
      fields: [{ label: 'Message', value: 'Sign-in ••••••' }],
    })
    await expect(phone.client.approve(request, '483921')).rejects.toThrow()
    expect(await provider.poll(authRequest)).toBe('authorization_pending')
    await phone.client.approve(request, '483920')
    const claims = await provider.wait(authRequest)
    expect(claims).toMatchObject({
      sub: user,
      acr: 'urn:example:countersign-push',
      amr: expect.arrayContaining(['pop', 'swk', 'user']),
      auth_time: expect.any(Number),
    })
    expect(await provider.poll(authRequest)).toBe('invalid_grant')
  })

  test.each<[string, (phone: Phone) => Promise<unknown>]>([
    ['is denied', async (phone) => phone.client.deny(await pendingAt(phone))],
    ['is reported', async (phone) => phone.client.report(await pendingAt(phone))],
    ['is approved with wrong digits too often', typeWrongDigits],
    ['is cancelled', async (phone) => cancel((await pendingAt(phone)).challengeId)],
  ])('that %s ends with access_denied', async (_how, end) => {
    const { user, phone } = await newPerson(service, provider)
    const authRequest = await provider.ask(user, 'Sign-in 483920')
    await end(phone)
    await expect(provider.wait(authRequest)).rejects.toMatchObject({ error: 'access_denied' })
  })

  test('ends with expired_token when unanswered, independent of the identity provider’s clock', async () => {
    const { user, phone } = await newPerson(service, provider)
    const authRequest = await provider.ask(user, 'Sign-in 483920', { requested_expiry: '600' })
    expect(authRequest.expires_in).toBe(600)
    await onServer(service.database.url, (db) =>
      letTimePass((sql, values) => db.query(sql, values), phone.userId, 700),
    )
    await expect(provider.wait(authRequest)).rejects.toMatchObject({ error: 'expired_token' })
    await until('it was delivered', () =>
      provider.tap.webhooks.some(({ type }) => type.endsWith('expired')),
    )
  })

  test('has the lifetime of its challenge', async () => {
    const { user, phone } = await newPerson(service, provider)
    const authRequest = await provider.ask(user, 'Sign-in 483920', { requested_expiry: '1' })
    const { createdAt, expiresAt } = await pendingAt(phone)
    expect(authRequest.expires_in).toBe(15)
    expect(expiresAt.getTime() - createdAt.getTime()).toBe(15_000)
  })
})

describe('nobody is asked', () => {
  test('for a user unknown to the identity provider', async () => {
    const { user, phone } = await newPerson(service, provider)
    provider.people.splice(provider.people.indexOf(user), 1)
    await expect(provider.ask(user, 'Sign-in 483920')).rejects.toMatchObject({
      error: 'unknown_user_id',
      status: 400,
    })
    expect(await questionsTo(phone)).toEqual([])
  })

  test('for a user who never enrolled', async () => {
    provider.people.push('nobody@example.com')
    await expect(provider.ask('nobody@example.com', 'Sign-in 483920')).rejects.toMatchObject({
      error: 'unknown_user_id',
    })
  })

  test.each<[string, (phone: Phone, user: string) => Promise<unknown>]>([
    ['has no phone left', (phone) => phone.client.unregister()],
    ['is suspended', ({ userId }) => patchUser(userId, { status: 'suspended' })],
    ['reported this client before', reportClient],
  ])('who %s', async (_why, become) => {
    const { user, phone } = await newPerson(service, provider)
    await become(phone, user)
    const before = await questionsTo(phone)
    await expect(provider.ask(user, 'Sign-in 483920')).rejects.toMatchObject({
      error: 'access_denied',
    })
    expect(await questionsTo(phone)).toEqual(before)
  })

  test.each([undefined, 'Sign-in', '48392'])(
    'without digits that the client shows: %j',
    async (bindingMessage) => {
      const { user, phone } = await newPerson(service, provider)
      await expect(provider.ask(user, bindingMessage)).rejects.toMatchObject({
        error: 'invalid_binding_message',
        status: 400,
      })
      expect(await questionsTo(phone)).toEqual([])
    },
  )

  test('with fewer digits than the tenant asks for', async () => {
    const { user } = await newPerson(service, provider)
    const policy = await service.api('PATCH', '/v1/policy', { numberDigits: 8 })
    expect(policy.status).toBe(200)
    await expect(provider.ask(user, 'Sign-in 483920')).rejects.toMatchObject({
      error: 'invalid_binding_message',
    })
    await service.api('PATCH', '/v1/policy', { numberDigits: 6 })
  })

  test('while the service is down, and the client gets the error in time', async () => {
    const { user, phone } = await newPerson(service, provider)
    await service.restart(async () => {
      await expect(provider.ask(user, 'Sign-in 483920')).rejects.toMatchObject({
        error: 'temporarily_unavailable',
        status: 400,
      })
    })
    expect(await questionsTo(phone)).toEqual([])
  })
})
