// The HTTP authentication channel against a contract double of Keycloak, written from its source.

import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loggerOptions } from '../../../src/platform/http/logging.ts'
import { startService } from '../../../src/service/compose.ts'
import { onServer } from '../../support/cluster.ts'
import { questionTo } from '../../support/doors.ts'
import { type KeycloakDouble, startKeycloakDouble } from '../../support/keycloak-double.ts'
import { letTimePass } from '../../support/passing-time.ts'
import {
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { until } from '../../support/until.ts'

const stack = new AsyncDisposableStack()
let service: RunningService
let realm: KeycloakDouble
let channel: string
let id: string
let users = 0
let logText = ''
beforeAll(async () => {
  const sink = new Writable({
    write(chunk, _encoding, callback) {
      logText += chunk
      callback()
    },
  })
  const log = pino(loggerOptions('trace'), sink)
  // Long enough for a realm that answers.
  service = stack.use(await startTestService({}, log, { realmTimeoutMs: 1000 }))
  realm = stack.use(await startKeycloakDouble())
  ;({ id, channel } = await createChannel({}))
})
afterAll(() => stack.disposeAsync())

async function createChannel(settings: object, more: object = {}, at = service) {
  const [{ id: relyingPartyId }] = (await at.api('GET', '/v1/relying-parties')).json.items
  const creation = await at.api('POST', '/v1/integrations', {
    relyingPartyId,
    name: 'Keycloak',
    settings: { kind: 'keycloak_ciba', issuers: [realm.issuer], ...settings },
    ...more,
  })
  if (creation.status !== 201) throw new Error(creation.text)
  const address = `${at.origin}/integrations/keycloak/${creation.json.id}`
  return {
    id: creation.json.id as string,
    channel: address,
    secret: creation.json.secret as string | null,
  }
}

async function person(): Promise<Phone & { readonly name: string }> {
  const name = `user-${++users}`
  return { ...(await enrollPhone(service, { user: name })), name }
}

const number = '483920'
const message = `Login-${number}`
const question = ({ name }: { name: string }) => ({ login_hint: name, binding_message: message })
const untilSettled = (authResultId: string) =>
  until('the realm is called back', () => {
    const outcome = realm.outcome(authResultId)
    return outcome === 'authorization_pending' ? null : outcome
  })
const rows = (text: string) =>
  onServer(service.database.url, async (client) => (await client.query(text)).rows)
const callbackOf = async (userId: string) => {
  const [row] = await rows(
    `select k.* from keycloak_callbacks k join challenges c on c.id = k.challenge_id where c.user_id = '${userId}'`,
  )
  return row
}
const challenges = async (userId: string) =>
  (await service.api('GET', `/v1/challenges?userId=${userId}`)).json.items

describe('the end is called back', () => {
  test('SUCCEED when the user approves with the digits of the binding message', async () => {
    const phone = await person()
    const before = realm.callbacks.length
    const { status, authResultId, token } = await realm.ask(channel, question(phone))
    expect(status).toBe(201)
    const request = await questionTo(phone)
    expect(JSON.stringify(request.context)).not.toContain(number)
    expect(request.context.fields).toContainEqual({ label: 'Client', value: 'payroll' })
    const text = async () => JSON.stringify(await rows('select * from keycloak_callbacks'))
    expect((await callbackOf(phone.userId)).token_sealed).not.toBeNull()
    expect(await text()).not.toContain(token)
    await phone.client.approve(request, number)
    expect(await untilSettled(authResultId)).toBe('tokens')
    expect(logText).not.toBe('')
    expect(logText).not.toContain(token)
    expect(realm.callbacks.slice(before)).toEqual([{ status: 'SUCCEED', answer: 200 }])
    await until(
      'the token is deleted',
      async () => (await callbackOf(phone.userId)).token_sealed === null,
    )
  })

  test('UNAUTHORIZED when the user denies', async () => {
    const phone = await person()
    const { authResultId } = await realm.ask(channel, question(phone))
    await phone.client.deny(await questionTo(phone))
    expect(await untilSettled(authResultId)).toBe('access_denied')
    expect(realm.callbacks.at(-1)?.status).toBe('UNAUTHORIZED')
  })

  test('CANCELLED when nobody answers in time', async () => {
    const phone = await person()
    const { authResultId } = await realm.ask(channel, question(phone))
    await questionTo(phone)
    await onServer(service.database.url, (client) =>
      letTimePass((sql, values) => client.query(sql, values), phone.userId, 600),
    )
    expect(await untilSettled(authResultId)).toBe('access_denied')
    expect(realm.callbacks.at(-1)?.status).toBe('CANCELLED')
  })

  test('CANCELLED when the integration is paused before the end, with any answer of the user', async () => {
    const own = await createChannel({})
    const phone = await person()
    const { authResultId } = await realm.ask(own.channel, question(phone))
    const request = await questionTo(phone)
    await service.api('PATCH', `/v1/integrations/${own.id}`, { status: 'paused' })
    await phone.client.approve(request, number)
    expect(await untilSettled(authResultId)).toBe('access_denied')
    expect((await realm.ask(own.channel, question(phone))).status).toBe(403)
  })

  test('again after 403, since the realm answers 403 while it is still storing the request', async () => {
    const phone = await person()
    const before = realm.callbacks.length
    realm.storesAfter(2)
    const { authResultId } = await realm.ask(channel, question(phone))
    await phone.client.approve(await questionTo(phone), number)
    expect(await untilSettled(authResultId)).toBe('tokens')
    expect(realm.callbacks.slice(before).map(({ answer }) => answer)).toEqual([403, 403, 200])
    realm.storesAfter(0)
  })

  test('also when no process was left between the decision and the call', async () => {
    await using api = await startTestService({ role: 'api' })
    const own = await createChannel({}, {}, api)
    const phone = await enrollPhone(api)
    const { authResultId } = await realm.ask(own.channel, question({ name: 'alice' }))
    await phone.client.approve(await questionTo(phone), number)
    expect(realm.outcome(authResultId)).toBe('authorization_pending')
    const log = pino({ level: 'silent' })
    const next = await startService({ ...api.config, role: 'worker' }, api.origin, log)
    expect(await untilSettled(authResultId)).toBe('tokens')
    await next.stop()
  })
})

describe('is never called back twice', () => {
  test.each(['silent', 'failing'] as const)('when the realm is %s', async (weather) => {
    const phone = await person()
    const before = realm.callbacks.length
    realm.setWeather(weather)
    await realm.ask(channel, question(phone))
    await phone.client.approve(await questionTo(phone), number)
    const row = await until('it is given up', async () => {
      const callback = await callbackOf(phone.userId)
      return callback.status === 'settled' ? callback : null
    })
    realm.setWeather('fair')
    expect(row).toMatchObject({ token_sealed: null })
    expect(['no_answer', 'status_500']).toContain(row.reason)
    expect(realm.callbacks.length - before).toBe(1)
    await until('the admins see it', async () => {
      const { lastError } = (await service.api('GET', `/v1/integrations/${id}`)).json
      return lastError?.code === `callback_${row.reason}`
    })
  })

  test('when the realm is taken off the list before the end', async () => {
    const own = await createChannel({})
    const phone = await person()
    const before = realm.callbacks.length
    await realm.ask(own.channel, question(phone))
    const request = await questionTo(phone)
    const settings = { kind: 'keycloak_ciba', issuers: ['https://id.example.com/realms/x'] }
    await service.api('PATCH', `/v1/integrations/${own.id}`, { settings })
    await phone.client.approve(request, number)
    await until(
      'it is given up',
      async () => (await callbackOf(phone.userId)).reason === 'issuer_removed',
    )
    expect(realm.callbacks.length).toBe(before)
  })

  test('when the process was lost while it called', async () => {
    const phone = await person()
    await realm.ask(channel, question(phone))
    const request = await questionTo(phone)
    await onServer(service.database.url, (client) =>
      client.query(
        `update keycloak_callbacks set status = 'trying', tried_at = now() - interval '2 minutes',
           first_tried_at = now() - interval '2 minutes' where status = 'owed'`,
      ),
    )
    const before = realm.callbacks.length
    await phone.client.approve(request, number)
    await until(
      'it is given up',
      async () => (await callbackOf(phone.userId)).reason === 'lost',
      30_000,
    )
    expect(realm.callbacks.length).toBe(before)
  })

  test('when the same token comes again: one challenge, one call', async () => {
    const phone = await person()
    const before = realm.callbacks.length
    const { authResultId, token } = await realm.ask(channel, question(phone))
    await Promise.all(
      [1, 2, 3].map(async () => {
        expect((await realm.ask(channel, question(phone), { token })).status).toBe(201)
      }),
    )
    await phone.client.approve(await questionTo(phone), number)
    expect(await untilSettled(authResultId)).toBe('tokens')
    expect((await realm.ask(channel, question(phone), { token })).status).toBe(201)
    expect(await challenges(phone.userId)).toHaveLength(1)
    await until(
      'the token is deleted',
      async () => (await callbackOf(phone.userId)).status === 'settled',
    )
    expect(realm.callbacks.length - before).toBe(1)
    expect(realm.outcome(authResultId)).toBe('tokens')
  })

  test('when the same token comes for another user: refused', async () => {
    const [phone, other] = [await person(), await person()]
    const { token } = await realm.ask(channel, question(phone))
    expect((await realm.ask(channel, question(other), { token })).status).toBe(403)
    expect(await challenges(other.userId)).toEqual([])
  })
})

test('two realms may use the same token id: two challenges, and each realm is called back', async () => {
  await using other = await startKeycloakDouble('others')
  const issuers = [realm.issuer, other.issuer]
  const own = await createChannel({ issuers })
  const phone = await person()
  const claims = { jti: 'one-id' }
  const before = realm.callbacks.length
  expect((await realm.ask(own.channel, question(phone), { claims })).status).toBe(201)
  expect((await other.ask(own.channel, question(phone), { claims })).status).toBe(201)
  expect(await challenges(phone.userId)).toHaveLength(2)
  const { requests } = await phone.client.pending()
  for (const request of requests) await phone.client.approve(request, number)
  await until(
    'both are called back',
    () => realm.callbacks.length > before && other.callbacks.length > 0,
  )
})

test.each([-60, 55])(
  'a realm whose clock is %i seconds off gets a challenge, and one per token',
  async (off) => {
    const phone = await person()
    const issuedAt = Math.floor(Date.now() / 1000) + off
    const claims = { iat: issuedAt, nbf: issuedAt, exp: issuedAt + 120 }
    const first = await realm.ask(channel, question(phone), { claims })
    expect(first.status).toBe(201)
    const [{ id }] = await challenges(phone.userId)
    expect((await realm.ask(channel, question(phone), { token: first.token })).status).toBe(201)
    expect(await challenges(phone.userId)).toMatchObject([{ id }])
    await phone.client.deny(await questionTo(phone))
  },
)

describe('nobody is asked', () => {
  const seconds = () => Math.floor(Date.now() / 1000)
  test.each([
    ['a forged signature', () => ({ forged: true })],
    ['another audience', () => ({ claims: { aud: 'account' } })],
    ['a second audience', () => ({ claims: { aud: [realm.issuer, 'account'] } })],
    ['another kind of token', () => ({ claims: { typ: 'ID' } })],
    ['a token that has expired', () => ({ claims: { exp: seconds() - 61 } })],
    ['a token that is not valid yet', () => ({ claims: { nbf: seconds() + 90 } })],
    ['an end beyond all dates', () => ({ claims: { exp: 1e300 } })],
    ['no id', () => ({ claims: { jti: undefined as never } })],
    ['an issuer that is not listed', () => ({ claims: { iss: 'https://evil.example/realms/x' } })],
    ['no token at all', () => ({ token: 'nonsense' })],
    ['a token without a signature', () => ({ token: 'eyJhbGciOiJub25lIn0.e30.' })],
  ])('with %s', async (_, more) => {
    const phone = await person()
    expect((await realm.ask(channel, question(phone), more())).status).toBe(401)
    expect(await challenges(phone.userId)).toEqual([])
  })

  test('for an unlisted realm, whose keys are not even fetched', async () => {
    await using other = await startKeycloakDouble('others')
    const phone = await person()
    expect((await other.ask(channel, question(phone))).status).toBe(401)
    expect(other.keyFetches()).toBe(0)
  })

  test('for a client of the realm that is not listed', async () => {
    const own = await createChannel({ clientIds: ['portal'] })
    const phone = await person()
    expect((await realm.ask(own.channel, question(phone))).status).toBe(401)
  })

  test('without the secret at the end of the address, where there is one', async () => {
    const own = await createChannel({ secretInPath: true })
    const phone = await person()
    expect((await realm.ask(own.channel, question(phone))).status).toBe(401)
    expect((await realm.ask(`${own.channel}/wrong`, question(phone))).status).toBe(401)
    expect((await realm.ask(`${channel}/any`, question(phone))).status).toBe(401)
    expect((await realm.ask(`${own.channel}/${own.secret}`, question(phone))).status).toBe(201)
  })

  test('without a number in the message, and for an unknown user', async () => {
    const phone = await person()
    expect((await realm.ask(channel, { login_hint: phone.name })).status).toBe(403)
    expect(
      (await realm.ask(channel, { login_hint: phone.name, binding_message: 'W4SCT' })).status,
    ).toBe(403)
    expect(
      (await realm.ask(channel, { login_hint: 'nobody', binding_message: message })).status,
    ).toBe(404)
  })

  test('while the keys of the realm cannot be fetched, and its admins see why', async () => {
    const dead = await startKeycloakDouble('dead')
    const own = await createChannel({ issuers: [dead.issuer] })
    const phone = await person()
    await dead[Symbol.asyncDispose]()
    expect((await dead.ask(own.channel, question(phone))).status).toBe(503)
    await until('the admins see it', async () => {
      const { lastError } = (await service.api('GET', `/v1/integrations/${own.id}`)).json
      return lastError?.code === 'realm_unreachable'
    })
  })

  const rsa = (bits: number) => generateKeyPairSync('rsa', { modulusLength: bits })
  const jwkOf = (key: KeyObject) => ({ ...key.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256' })
  test.each([
    ['weak', () => [jwkOf(rsa(1024).publicKey)]],
    ['not_public', () => [jwkOf(rsa(2048).privateKey)]],
    ['ambiguous', () => [jwkOf(rsa(2048).publicKey), jwkOf(rsa(2048).publicKey)]],
    ['malformed', () => ['nonsense']],
    ['malformed', () => [{ kty: 'RSA', kid: 'k1', alg: 'RS256' }]],
  ])('by keys of the realm that are %s, and its admins see that', async (fault, keys) => {
    await using other = await startKeycloakDouble(fault)
    other.publishKeys(keys())
    const own = await createChannel({ issuers: [other.issuer] })
    expect((await other.ask(own.channel, question(await person()))).status).toBe(503)
    await until('the admins see it', async () => {
      const { lastError } = (await service.api('GET', `/v1/integrations/${own.id}`)).json
      return lastError?.code === `realm_keys_${fault}`
    })
  })

  test('by a realm in a network that the operator has not listed', async () => {
    const [{ id: relyingPartyId }] = (await service.api('GET', '/v1/relying-parties')).json.items
    for (const issuer of ['https://10.0.0.1/realms/x', 'http://id.example.com/realms/x']) {
      const settings = { kind: 'keycloak_ciba', issuers: [issuer] }
      const input = { relyingPartyId, name: 'x', settings }
      expect((await service.api('POST', '/v1/integrations', input)).status).toBe(400)
    }
  })

  test('longer than the token of the realm lives', async () => {
    const phone = await person()
    const exp = seconds() + 40
    expect((await realm.ask(channel, question(phone), { claims: { exp } })).status).toBe(201)
    const [{ expiresAt }] = await challenges(phone.userId)
    expect(Date.parse(expiresAt)).toBeLessThan(exp * 1000)
    const soon = { claims: { exp: seconds() + 10 } }
    expect((await realm.ask(channel, question(await person()), soon)).status).toBe(403)
  })
})

test('further parameters of the client are accepted and ignored', async () => {
  const phone = await person()
  const more = { ...question(phone), 'x-device': { id: 'y' }, number: '000000' }
  expect((await realm.ask(channel, more)).status).toBe(201)
  await phone.client.deny(await questionTo(phone))
})

test('the keys of a realm are fetched once, not per request', () => {
  expect(realm.keyFetches()).toBeLessThan(5)
})
