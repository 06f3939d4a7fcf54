import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Api,
  createApi,
  type RunningService,
  startTestService,
} from '../support/running-service.ts'

let service: RunningService
let api: Api
let relyingPartyId: string
beforeAll(async () => {
  service = await startTestService()
  api = service.api
  relyingPartyId = (await api('GET', '/v1/relying-parties')).json.items[0].id
})
afterAll(() => service[Symbol.asyncDispose]())

const wait = { name: 'VPN', settings: { kind: 'wait' } }
async function make(more: object = {}) {
  const creation = await api('POST', '/v1/integrations', { relyingPartyId, ...wait, ...more })
  if (creation.status !== 201) throw new Error(creation.text)
  return creation.json
}

/** Audit events of one object, newest first. */
async function audit(subject: string) {
  return (await api('GET', `/v1/audit-events?subject=${subject}`)).json.items
}

test('an integration is created with its settings, and its secret is shown once', async () => {
  const { secret, ...integration } = await make()
  expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/)
  expect(integration).toMatchObject({
    relyingPartyId,
    name: 'VPN',
    settings: { kind: 'wait' },
    numberMode: 'caller',
    namespace: 'default',
    status: 'active',
    integrationKey: null,
    uses: 0,
    lastUsedAt: null,
    lastError: null,
  })
  const read = await api('GET', `/v1/integrations/${integration.id}`)
  expect(read.json).toEqual(integration)
  const { items } = (await api('GET', '/v1/integrations')).json
  expect(items).toContainEqual(integration)
})

test('version 1 of the Auth API is allowed only together with the addresses of its clients', async () => {
  const settings = { kind: 'duo_auth_api', legacyV1Allowed: true }
  const body = { relyingPartyId, name: 'Bastion', settings }
  expect((await api('POST', '/v1/integrations', body)).json.code).toBe('invalid_request')
  const { id } = await make({ settings, allowedAddresses: ['192.0.2.7'] })
  const everywhere = await api('PATCH', `/v1/integrations/${id}`, { allowedAddresses: [] })
  expect([everywhere.status, everywhere.json.code]).toEqual([400, 'invalid_request'])
  const other = await make({ settings: { kind: 'duo_auth_api' } })
  const later = await api('PATCH', `/v1/integrations/${other.id}`, { settings })
  expect([later.status, later.json.code]).toEqual([400, 'invalid_request'])
})

test('each kind gets the credentials that its clients use', async () => {
  const duo = await make({ settings: { kind: 'duo_auth_api' } })
  expect(duo.integrationKey).toMatch(/^DI[A-Z2-9]{18}$/)
  expect(duo.secret).toMatch(/^[A-Z2-9]{40}$/)
  expect(duo.settings).toEqual({
    kind: 'duo_auth_api',
    sha1Allowed: false,
    failOpenAllowed: false,
    enrollmentAllowed: false,
    legacyV1Allowed: false,
  })
  const issuers = ['https://id.example.com/realms/staff']
  const realm = await make({ settings: { kind: 'keycloak_ciba', issuers } })
  expect(realm.secret).toBeNull()
  const settings = { kind: 'keycloak_ciba', issuers, secretInPath: true }
  const secretly = await api('PATCH', `/v1/integrations/${realm.id}`, { settings })
  expect(secretly.json.secret).toMatch(/^[A-Za-z0-9_-]{43}$/)
})

test('a change is recorded with the values before and after, and no secret', async () => {
  const { id, secret } = await make()
  const changes = { name: 'SSH', allowedAddresses: ['192.0.2.0/24'], status: 'paused' }
  const update = await api('PATCH', `/v1/integrations/${id}`, changes)
  expect(update.json).toMatchObject({ ...changes, secret: null })
  const rotation = await api('POST', `/v1/integrations/${id}/rotate`, { overlapSeconds: 60 })
  expect(rotation.status).toBe(201)
  expect((await api('DELETE', `/v1/integrations/${id}`)).status).toBe(204)
  const events = await audit(id)
  expect(events.map(({ type }: { type: string }) => type)).toEqual([
    'integration_deleted',
    'integration_rotated',
    'integration_changed',
    'integration_created',
  ])
  expect(events[2].details).toEqual({
    name: { before: 'VPN', after: 'SSH' },
    allowedAddresses: { before: [], after: ['192.0.2.0/24'] },
    status: { before: 'active', after: 'paused' },
  })
  expect(events[0].details.before).toMatchObject(changes)
  for (const oneSecret of [secret, rotation.json.secret]) {
    expect(JSON.stringify(events)).not.toContain(oneSecret)
  }
})

test('a secret is rotated with an overlap of two, and without one immediately', async () => {
  const { id } = await make()
  const rotate = (body: object) => api('POST', `/v1/integrations/${id}/rotate`, body)
  expect((await rotate({})).status).toBe(201)
  const third = await rotate({})
  expect([third.status, third.json.code]).toEqual([409, 'rotation_under_way'])
  expect((await rotate({ overlapSeconds: 0 })).status).toBe(201)
  expect((await rotate({})).status).toBe(201)
})

test('clients that sign their calls have nothing to rotate', async () => {
  const issuers = ['https://id.example.com/realms/staff']
  const { id } = await make({ settings: { kind: 'keycloak_ciba', issuers } })
  const rotation = await api('POST', `/v1/integrations/${id}/rotate`, {})
  expect([rotation.status, rotation.json.code]).toEqual([409, 'integration_without_secret'])
})

describe('settings that are refused', () => {
  test.each([
    ['another kind', { settings: { kind: 'duo_auth_api' } }, 400, 'invalid_request'],
    ['no number without permission', { numberMode: 'none' }, 403, 'number_none_not_allowed'],
    ['a namespace of others', { namespace: 'others' }, 403, 'namespace_not_granted'],
    ['a laxer policy', { policy: { wrongNumbersMax: 4 } }, 400, 'invalid_request'],
    ['a policy of a later version', { policy: { reportLockSeconds: 900 } }, 400, 'invalid_request'],
    ['an invalid range', { allowedAddresses: ['192.0.2.1/33'] }, 400, 'invalid_request'],
    ['an ambiguous mapping', { userNames: { template: 'root' } }, 400, 'invalid_request'],
    ['nothing', {}, 400, 'invalid_request'],
  ])('%s', async (_, changes, status, code) => {
    const { id } = await make()
    const before = await api('GET', `/v1/integrations/${id}`)
    const refusal = await api('PATCH', `/v1/integrations/${id}`, changes)
    expect([refusal.status, refusal.json.code]).toEqual([status, code])
    expect((await api('GET', `/v1/integrations/${id}`)).json).toEqual(before.json)
  })

  test.each([
    'https://id.example.com/realms/staff/',
    'https://user@id.example.com/realms/staff',
    'https://id.example.com/realms/staff?x',
    'https://id.example.com/realms/../staff',
    'https://ID.example.com/realms/staff',
    'ftp://id.example.com',
    'id.example.com',
  ])('the issuer %s, which two readers could parse differently', async (issuer) => {
    const settings = { kind: 'keycloak_ciba', issuers: [issuer] }
    const creation = await api('POST', '/v1/integrations', { relyingPartyId, name: 'x', settings })
    expect([creation.status, creation.json.code]).toEqual([400, 'invalid_request'])
  })
})

test('an integration works without a number only while the policy of the tenant names it', async () => {
  const { id } = await make()
  const none = { numberMode: 'none' }
  const laxPolicy = { profile: 'compat', numberNoneAllowedFor: [id] }
  expect((await api('PATCH', '/v1/policy', laxPolicy)).status).toBe(200)
  expect((await api('PATCH', `/v1/integrations/${id}`, none)).json.numberMode).toBe('none')
  expect((await api('PATCH', '/v1/policy', { numberNoneAllowedFor: [] })).status).toBe(200)
  const other = await api('PATCH', `/v1/integrations/${id}`, { name: 'x' })
  expect([other.status, other.json.code]).toEqual([403, 'number_none_not_allowed'])
  expect((await api('PATCH', '/v1/policy', { profile: 'nist-800-63b-4' })).status).toBe(200)
})

test('a key with the scope alone manages the integrations of its own relying party', async () => {
  const party = { name: 'Other', namespaces: ['other'] }
  const other = (await api('POST', '/v1/relying-parties', party)).json.id
  const ofOther = await make({ relyingPartyId: other })
  const key = { relyingPartyId, name: 'doors', scopes: ['integrations:write'] }
  const limitedApi = createApi(service.origin, (await api('POST', '/v1/api-keys', key)).json.secret)
  const own = await limitedApi('POST', '/v1/integrations', { relyingPartyId, ...wait })
  expect(own.status).toBe(201)
  const foreign = await limitedApi('POST', '/v1/integrations', { relyingPartyId: other, ...wait })
  expect([foreign.status, foreign.json.code]).toEqual([422, 'relying_party_unknown'])
  const unknown = await limitedApi('GET', '/v1/integrations/int_01jv9z3k8we2tvn4qh6yrx7b5c')
  for (const method of ['GET', 'DELETE'] as const) {
    const reply = await limitedApi(method, `/v1/integrations/${ofOther.id}`)
    expect([reply.status, reply.text]).toEqual([404, unknown.text])
  }
  const integrations = (await limitedApi('GET', '/v1/integrations')).json.items
  expect(new Set(integrations.map((one: typeof own.json) => one.relyingPartyId))).toEqual(
    new Set([relyingPartyId]),
  )
})
