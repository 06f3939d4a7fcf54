import { describe, expect, it } from 'vitest'
import { refuse } from '../../src/domain/refusal.ts'
import type { UseCases } from '../../src/service/bind-use-cases.ts'
import type { ApiKey } from '../../src/tenants/directory.store.ts'
import { anApp, anId, at, bearer, principal } from '../platform/http/fixtures.ts'

const { tenantId, rpId } = principal

const apiKey: ApiKey = {
  tenantId,
  id: anId('apiKey', '5'),
  rpId,
  name: 'production',
  scopes: ['challenges:write'],
  lineageId: anId('apiKey', '4'),
  allowedAddresses: ['192.0.2.0/24'],
  createdAt: at,
  expiresAt: null,
  revokedAt: null,
  lastUsedAt: null,
}
const shownKey = {
  id: apiKey.id,
  relyingPartyId: rpId,
  name: 'production',
  scopes: ['challenges:write'],
  lineageId: apiKey.lineageId,
  allowedAddresses: ['192.0.2.0/24'],
  createdAt: at.toISOString(),
  expiresAt: null,
  revokedAt: null,
  lastUsedAt: null,
}
const returnOrigins = ['https://bank.example.com']
const partyMembers = { id: rpId, name: 'Bank', namespaces: ['entra'], returnOrigins }
const party = { tenantId, ...partyMembers, createdAt: at }
const shownParty = { ...partyMembers, createdAt: at.toISOString() }

async function get(url: string, useCases: Partial<UseCases>) {
  await using app = await anApp(useCases)
  return app.inject({ url, headers: bearer })
}

async function post(url: string, payload: object | undefined, useCases: Partial<UseCases>) {
  await using app = await anApp(useCases)
  return app.inject({ method: 'POST', url, headers: bearer, ...(payload && { payload }) })
}

describe('GET /v1/tenant', () => {
  it("200 with the key's own tenant", async () => {
    const readTenant = async (id: string) =>
      ({ id: tenantId, name: id, identifierCase: 'exact', createdAt: at }) as const
    const answer = await get('/v1/tenant', { readTenant })
    expect(answer.json()).toEqual({ id: tenantId, name: tenantId, identifierCase: 'exact' })
  })

  it('404 when it is gone', async () => {
    const answer = await get('/v1/tenant', { readTenant: async () => refuse('not_found') })
    expect(answer.statusCode).toBe(404)
  })
})

describe('/v1/relying-parties', () => {
  it('200 with all of the tenant', async () => {
    const answer = await get('/v1/relying-parties', { listRelyingParties: async () => [party] })
    expect(answer.json()).toEqual({ items: [shownParty], nextCursor: null })
  })

  it('201 for a new one, in the tenant of the key and with the key as actor', async () => {
    const calls: unknown[] = []
    const createRelyingParty: UseCases['createRelyingParty'] = async (...args) => {
      calls.push(args)
      return party
    }
    const body = { name: 'Bank', namespaces: ['entra'] }
    const answer = await post('/v1/relying-parties', body, { createRelyingParty })
    expect(answer.statusCode).toBe(201)
    expect(answer.json()).toEqual(shownParty)
    const newParty = { ...body, returnOrigins: [], tenantId }
    expect(calls).toEqual([[newParty, `api_key:${principal.keyId}`]])
  })

  it('200 for new return origins, and nothing else can be changed', async () => {
    const calls: unknown[] = []
    const changeRelyingParty: UseCases['changeRelyingParty'] = async (...args) => {
      calls.push(args)
      return party
    }
    await using app = await anApp({ changeRelyingParty })
    const change = (payload: object) =>
      app.inject({
        method: 'PATCH',
        url: `/v1/relying-parties/${rpId}`,
        headers: bearer,
        payload,
      })
    const answer = await change({ returnOrigins })
    expect([answer.statusCode, answer.json()]).toEqual([200, shownParty])
    expect(calls).toEqual([[{ tenantId, id: rpId, returnOrigins }, `api_key:${principal.keyId}`]])
    for (const body of [
      {},
      { returnOrigins, name: 'Other' },
      { returnOrigins: 'https://a.example' },
    ])
      expect((await change(body)).statusCode).toBe(400)
    expect(calls).toHaveLength(1)
  })
})

describe('/v1/api-keys', () => {
  it('200 with all of the tenant, none with its secret', async () => {
    const storedKey = { ...apiKey, secretHash: Buffer.from('hash') }
    const answer = await get('/v1/api-keys', { listApiKeys: async () => [storedKey] })
    expect(answer.json()).toEqual({ items: [shownKey], nextCursor: null })
  })

  it('201 with the secret, and the least scopes by default', async () => {
    const calls: unknown[] = []
    const createApiKey: UseCases['createApiKey'] = async (...args) => {
      calls.push(args)
      return { key: apiKey, secret: 'cs_whole_key' }
    }
    const body = { relyingPartyId: rpId, name: 'production' }
    const answer = await post('/v1/api-keys', body, { createApiKey })
    expect(answer.statusCode).toBe(201)
    expect(answer.json()).toEqual({ ...shownKey, secret: 'cs_whole_key' })
    const expiresAt = '2027-01-01T00:00:00Z'
    const allowedAddresses = ['192.0.2.1', '2001:db8::/32']
    await post(
      '/v1/api-keys',
      { ...body, scopes: ['admin'], expiresAt, allowedAddresses },
      { createApiKey },
    )
    const command = { tenantId, rpId, name: 'production' }
    expect(calls).toEqual([
      [
        {
          ...command,
          scopes: ['challenges:write', 'users:read'],
          expiresAt: null,
          allowedAddresses: [],
        },
        `api_key:${principal.keyId}`,
      ],
      [
        { ...command, scopes: ['admin'], expiresAt: new Date(expiresAt), allowedAddresses },
        `api_key:${principal.keyId}`,
      ],
    ])
  })

  it.each([
    ['scopes', ['root']],
    ['scopes', []],
    ['scopes', ['admin', 'admin']],
    ['expiresAt', '1999-01-01T00:00:00Z'],
    ['expiresAt', '0000-01-01T00:00:00Z'],
    ['expiresAt', '2027-02-30T00:00:00Z'],
    ['expiresAt', 1_800_000_000],
    ['allowedAddresses', ['example.com']],
    ['allowedAddresses', ['192.0.2.0/33']],
    ['allowedAddresses', Array(51).fill('192.0.2.1')],
  ])('400 for %s %j', async (member, value) => {
    const body = { relyingPartyId: rpId, name: 'production', [member]: value }
    const answer = await post('/v1/api-keys', body, {})
    expect(answer.statusCode).toBe(400)
  })

  it('422 for a relying party that the tenant does not have', async () => {
    const createApiKey = async () => refuse('relying_party_unknown')
    const body = { relyingPartyId: rpId, name: 'production' }
    const answer = await post('/v1/api-keys', body, { createApiKey })
    expect(answer.statusCode).toBe(422)
  })

  it('201 with the successor and its secret; the overlap is a day by default', async () => {
    const calls: unknown[] = []
    const rotateApiKey: UseCases['rotateApiKey'] = async (...args) => {
      calls.push(args)
      return { key: apiKey, previous: apiKey, secret: 'cs_whole_key' }
    }
    const url = `/v1/api-keys/${apiKey.id}/rotate`
    const answer = await post(url, {}, { rotateApiKey })
    expect(answer.statusCode).toBe(201)
    expect(answer.json()).toEqual({ ...shownKey, secret: 'cs_whole_key' })
    await post(url, { overlapSeconds: 0, expiresAt: null }, { rotateApiKey })
    const command = { tenantId, id: apiKey.id }
    const actor = `api_key:${principal.keyId}`
    expect(calls).toEqual([
      [{ ...command, overlapSeconds: 86_400 }, actor],
      [{ ...command, overlapSeconds: 0, expiresAt: null }, actor],
    ])
  })

  it.each([-1, 604_801, '60', 1.5])('400 for an overlap of %j', async (overlapSeconds) => {
    const answer = await post(`/v1/api-keys/${apiKey.id}/rotate`, { overlapSeconds }, {})
    expect(answer.statusCode).toBe(400)
  })

  it('409 with Retry-After during the overlap of the previous rotation', async () => {
    const rotateApiKey = async () => refuse('rotation_under_way', { retryAfterSeconds: 60 })
    const answer = await post(`/v1/api-keys/${apiKey.id}/rotate`, {}, { rotateApiKey })
    expect(answer.statusCode).toBe(409)
    expect(answer.headers['retry-after']).toBe('60')
  })

  it('200 with the revoked key', async () => {
    const calls: unknown[] = []
    const revokeApiKey: UseCases['revokeApiKey'] = async (...args) => {
      calls.push(args)
      return { ...apiKey, revokedAt: at }
    }
    const answer = await post(`/v1/api-keys/${apiKey.id}/revoke`, undefined, { revokeApiKey })
    expect(answer.json()).toEqual({ ...shownKey, revokedAt: at.toISOString() })
    expect(calls).toEqual([[tenantId, apiKey.id, `api_key:${principal.keyId}`]])
  })
})
