import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defaultPolicy } from '../../src/domain/policy.ts'
import { buildHashing } from '../../src/platform/crypto/hashing.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { buildSealing } from '../../src/platform/crypto/sealing.ts'
import { buildSignatures } from '../../src/platform/crypto/signatures.ts'
import { addresses } from '../../src/platform/net/addresses.ts'
import { openDatabase } from '../../src/platform/postgres/database.ts'
import { buildLanes, laneLimits } from '../../src/platform/postgres/lane.ts'
import { buildApiKeyStore } from '../../src/tenants/api-keys.sql.ts'
import { buildInstallationStore } from '../../src/tenants/installation.sql.ts'
import { buildTenantStore } from '../../src/tenants/tenants.sql.ts'
import { bootstrap } from '../../src/tenants/tenants.ts'
import { createTestDatabase } from '../support/database.ts'
import { aUser, openStores, type Stores } from '../support/stores.ts'

let stores: Stores

beforeAll(async () => {
  stores = await openStores()
})
afterAll(() => stores.close())

describe('an empty installation', () => {
  const masterKey = Buffer.alloc(32, 7)

  const first = { shownBy: 'a test' }
  const show = async () => undefined

  /** The dependencies of one process at its first start. */
  function process(url: string) {
    const database = openDatabase({ url, maxConnections: 3, timeoutMs: 15_000 })
    const needs = {
      tenants: buildTenantStore(database, systemRandom),
      apiKeys: buildApiKeyStore(database, systemRandom, buildLanes(laneLimits)),
      random: systemRandom,
      addresses,
      hashing: buildHashing(masterKey),
      signatures: buildSignatures(buildSealing({ current: masterKey })),
      signals: { publish: () => undefined },
    }
    return { needs, installation: buildInstallationStore(database), close: () => database.close() }
  }

  test('gets its first tenant once, when 8 processes start at the same time', async () => {
    await using database = await createTestDatabase()
    const processes = Array.from({ length: 8 }, () => process(database.url))
    const results = await Promise.all(processes.map(({ needs }) => bootstrap(needs, first, show)))
    const [one, ...more] = results.filter((each) => each !== null)
    expect(more).toEqual([])
    const [needs] = processes.map((each) => each.needs)
    if (!needs || !one) throw new Error('one of them created it')
    expect(await needs.tenants.listTenants()).toMatchObject([{ id: one.tenantId, name: 'Default' }])
    expect(await needs.tenants.listRelyingParties(one.tenantId)).toHaveLength(1)
    const keys = await needs.apiKeys.list(one.tenantId)
    expect(keys).toMatchObject([{ scopes: expect.arrayContaining(['admin']), expiresAt: null }])
    expect(one.secret).toMatch(/^cs_[0-9a-z]{26}_[A-Za-z0-9_-]{43}$/)
    expect(await bootstrap(needs, first, show)).toBeNull()
    await Promise.all(processes.map((each) => each.close()))
  })

  test('keeps nothing of a first key that was not shown, and creates all of it again', async () => {
    await using database = await createTestDatabase()
    const { needs, installation, close } = process(database.url)
    const secrets: string[] = []
    const unshown = bootstrap(needs, first, async ({ secret }) => {
      secrets.push(secret)
      throw new Error('nobody listens')
    })
    await expect(unshown).rejects.toThrow('nobody listens')
    expect(await needs.tenants.listTenants()).toEqual([])
    const result = await bootstrap(needs, first, show)
    expect(result?.secret).not.toBe(secrets[0])
    expect(await installation.findUnusedFirstKey()).toMatchObject({ by: 'a test' })
    if (result) await needs.apiKeys.touch([{ tenantId: result.tenantId, id: result.apiKey.id }])
    expect(await installation.findUnusedFirstKey()).toBeNull()
    await close()
  })
})

describe('a tenant', () => {
  test('begins with one active signing key and an audit event of its creation', async () => {
    const { tenantId, signingKid } = await aUser(stores)
    expect(await stores.tenants.findTenant(tenantId)).toMatchObject({ id: tenantId, name: 'Test' })
    expect(await stores.signingKeys.list(tenantId)).toMatchObject([
      { kid: signingKid, seq: 1, status: 'active', linkJws: null },
    ])
    const events = await stores.database.query(
      'audit_of_tenant',
      'select type, actor, subject from audit_events where tenant_id = $1 order by id',
      [tenantId],
    )
    expect(events).toMatchObject([
      { type: 'tenant_created', actor: 'operator', subject: tenantId },
      { type: 'relying_party_created', actor: 'operator' },
    ])
  })

  test('has the default policy, its own within bounds, the default if damaged', async () => {
    const { tenantId } = await aUser(stores)
    const store = (policy: unknown) =>
      stores.database.query('set_policy', 'update tenants set policy = $2 where tenant_id = $1', [
        tenantId,
        JSON.stringify(policy),
      ])
    expect(await stores.tenants.findPolicy(tenantId, null)).toEqual(defaultPolicy)
    await store({ numberDigits: 8, challengeTtlSeconds: 10_000 })
    expect(await stores.tenants.findPolicy(tenantId, null)).toEqual({
      ...defaultPolicy,
      numberDigits: 8,
      challengeTtlSeconds: 600,
    })
    await store(['nonsense'])
    expect(await stores.tenants.findPolicy(tenantId, null)).toEqual(defaultPolicy)
    expect(await stores.tenants.findPolicy(systemRandom.id('tenant'), null)).toEqual(defaultPolicy)
  })

  test('a tenant that does not exist is not found', async () => {
    const id = systemRandom.id('tenant')
    expect(await stores.tenants.findTenant(id)).toBeNull()
    expect(await stores.tenants.listRelyingParties(id)).toEqual([])
    expect(await stores.tenants.findRelyingParty(id, systemRandom.id('relyingParty'))).toBeNull()
  })

  test('a tenant lists its relying parties with their namespaces in the given order', async () => {
    const { tenantId, rpId } = await aUser(stores)
    const relyingParty = await stores.tenants.createRelyingParty(
      { tenantId, id: systemRandom.id('relyingParty'), name: 'Two', namespaces: ['z', 'a'] },
      'operator',
    )
    expect(await stores.tenants.findRelyingParty(tenantId, relyingParty.id)).toEqual(relyingParty)
    const relyingParties = await stores.tenants.listRelyingParties(tenantId)
    expect(relyingParties.map(({ id, namespaces }) => [id, namespaces])).toEqual([
      [rpId, ['default']],
      [relyingParty.id, ['z', 'a']],
    ])
  })
})
