import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ApiKeyId } from '../../src/domain/ids.ts'
import type { Principal } from '../../src/domain/principal.ts'
import {
  createApiKey,
  revocationPrefix,
  revokeApiKey,
  rotateApiKey,
} from '../../src/tenants/api-keys.ts'
import {
  type ApiKeyAuthentication,
  buildApiKeyAuthentication,
} from '../../src/tenants/authenticate-api-key.ts'
import { until } from '../support/until.ts'
import { aPrincipal, granted, openWorld, type World } from '../support/world.ts'

let world: World
let principal: Principal
let authentication: ApiKeyAuthentication

beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  principal = await aPrincipal(world, ['default', 'entra'])
  authentication = buildApiKeyAuthentication(world)
})
afterAll(() => world.close())

/** Longest that a revoked key stays valid where its signal was lost. */
const credentialAgeMaxMs = 1_000
const refusal = { refused: 'api_key_invalid' }
const anywhere = '203.0.113.7'
const bearer = (secret: string) => `Bearer ${secret}`

function aKey(expiresAt: Date | null = null, allowedAddresses: readonly string[] = []) {
  const { tenantId, rpId } = principal
  const scopes = ['users:read'] as const
  const command = { tenantId, rpId, name: 'key', scopes, expiresAt, allowedAddresses }
  return granted(createApiKey(world, command, 'operator'))
}

describe('an API key', () => {
  test('identifies its tenant and relying party, with its scopes and namespaces', async () => {
    const { key, secret } = await aKey()
    expect(await authentication.authenticate(bearer(secret), anywhere, 'within_a_second')).toEqual({
      tenantId: principal.tenantId,
      rpId: principal.rpId,
      rpName: 'Payroll',
      keyId: key.id,
      scopes: ['users:read'],
      namespaces: ['default', 'entra'],
    })
  })

  test('is created for a relying party of the tenant only', async () => {
    const otherPrincipal = await aPrincipal(world)
    const { tenantId } = principal
    const command = { tenantId, rpId: otherPrincipal.rpId, name: 'x', scopes: [], expiresAt: null }
    const result = await createApiKey(world, command, 'operator')
    expect(result).toEqual({ refused: 'relying_party_unknown' })
  })

  test('that is missing is asked for', async () => {
    expect(await authentication.authenticate(undefined, anywhere, 'within_a_second')).toEqual({
      refused: 'unauthenticated',
    })
  })

  test('is refused with the same text, whatever is wrong with it', async () => {
    const { secret } = await aKey()
    const { secret: other } = await aKey()
    const [scheme, id, own] = [secret.slice(0, 3), secret.slice(3, 29), secret.slice(30)]
    for (const header of [
      '',
      'Bearer',
      secret,
      `bearer ${secret}`,
      `Basic ${secret}`,
      `Bearer  ${secret}`,
      `Bearer ${secret} `,
      `Bearer ${secret}\n`,
      `Bearer ${scheme}${id}_${other.slice(30)}`,
      `Bearer ${scheme}${id}_${own.slice(0, -1)}`,
      `Bearer ${scheme}${id}_${own}A`,
      `Bearer ${scheme}${id.toUpperCase()}_${own}`,
      `Bearer ${scheme}01h455vb4pex5vsknk084sn02q_${own}`,
      `Bearer ${scheme}${"' or 1=1 --".padEnd(26)}_${own}`,
    ]) {
      expect(
        await authentication.authenticate(header, anywhere, 'within_a_second'),
        header,
      ).toEqual(refusal)
    }
  })

  test('works until the moment it expires', async () => {
    const { secret } = await aKey(new Date(world.clock.now().getTime() + 60_000))
    expect(
      await authentication.authenticate(bearer(secret), anywhere, 'within_a_second'),
    ).not.toEqual(refusal)
    world.moveClock(60_000)
    expect(await authentication.authenticate(bearer(secret), anywhere, 'within_a_second')).toEqual(
      refusal,
    )
    world.moveClock(-60_000)
  })

  test('is marked as used once a minute, without any call waiting for the mark', async () => {
    const { key, secret } = await aKey()
    for (let count = 0; count < 5; count++)
      await authentication.authenticate(bearer(secret), anywhere, 'within_a_second')
    const lastUsed = async () =>
      (await world.apiKeys.list(principal.tenantId)).find(({ id }) => id === key.id)?.lastUsedAt
    const first = await until('the use is noted', lastUsed)
    await authentication.authenticate(bearer(secret), anywhere, 'within_a_second')
    world.moveClock(61_000)
    await authentication.authenticate(bearer(secret), anywhere, 'within_a_second')
    await until('the next use is noted', async () => ((await lastUsed()) ?? 0) > first)
    world.moveClock(-61_000)
  })
})

describe('a key that is bound to addresses', () => {
  test('works from there, and from elsewhere not even with the right secret', async () => {
    const { secret } = await aKey(null, ['192.0.2.0/24', '2001:db8::/32'])
    const from = (address: string) =>
      authentication.authenticate(bearer(secret), address, 'within_a_second')
    for (const address of ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1'])
      expect(await from(address), address).toMatchObject({ rpId: principal.rpId })
    for (const address of ['192.0.3.1', '::1', '', 'unknown'])
      expect(await from(address), address).toEqual({ refused: 'address_not_allowed' })
  })

  test('reveals its binding to no caller without its secret', async () => {
    const { secret } = await aKey(null, ['192.0.2.1'])
    const wrong = `${secret.slice(0, -1)}${secret.endsWith('A') ? 'E' : 'A'}`
    expect(await authentication.authenticate(bearer(wrong), anywhere, 'within_a_second')).toEqual(
      refusal,
    )
  })

  test('is not created when an address is invalid, or when there are too many', async () => {
    const { tenantId, rpId } = principal
    const createKey = (allowedAddresses: readonly string[]) =>
      createApiKey(
        world,
        { tenantId, rpId, name: 'x', scopes: [], expiresAt: null, allowedAddresses },
        'operator',
      )
    for (const ranges of [['192.0.2.1', 'example.com'], Array(51).fill('192.0.2.1')])
      expect(await createKey(ranges)).toMatchObject({ refused: 'invalid_request' })
    expect(await createKey(Array(50).fill('192.0.2.1'))).toHaveProperty('secret')
  })
})

describe('a rotation', () => {
  const rotate = (id: ApiKeyId, more: { overlapSeconds?: number; expiresAt?: Date | null } = {}) =>
    rotateApiKey(world, { tenantId: principal.tenantId, id, ...more }, 'operator')

  test('leaves both keys live until the overlap is over, with the same rights', async () => {
    const { key, secret } = await aKey(null, [anywhere])
    const next = await granted(rotate(key.id, { overlapSeconds: 60 }))
    const right = await authentication.authenticate(bearer(secret), anywhere, 'within_a_second')
    expect(right).toMatchObject({ keyId: key.id })
    expect(
      await authentication.authenticate(bearer(next.secret), anywhere, 'within_a_second'),
    ).toEqual({
      ...right,
      keyId: next.key.id,
    })
    expect(
      await authentication.authenticate(bearer(next.secret), '203.0.113.8', 'within_a_second'),
    ).toEqual({
      refused: 'address_not_allowed',
    })
    world.moveClock(61_000)
    expect(await authentication.authenticate(bearer(secret), anywhere, 'within_a_second')).toEqual(
      refusal,
    )
    expect(
      await authentication.authenticate(bearer(next.secret), anywhere, 'within_a_second'),
    ).not.toEqual(refusal)
    world.moveClock(-61_000)
  })

  test('is signaled to every process, so that none accepts the old key past its new end', async () => {
    const { key, secret } = await aKey()
    await authentication.authenticate(bearer(secret), anywhere, 'within_a_second')
    world.publishedKeys.length = 0
    await granted(rotate(key.id, { overlapSeconds: 0 }))
    expect(world.publishedKeys).toEqual([`${revocationPrefix}${key.id}`])
    authentication.forget(key.id)
    expect(await authentication.authenticate(bearer(secret), anywhere, 'within_a_second')).toEqual(
      refusal,
    )
  })

  test('cannot stretch the overlap beyond a week', async () => {
    const { key } = await aKey()
    const { previous } = await granted(rotate(key.id, { overlapSeconds: 1e9 }))
    expect((previous.expiresAt?.getTime() ?? 0) - Date.now()).toBeLessThanOrEqual(7 * 86_400_000)
  })

  test('of another tenant’s key is refused as if there were none', async () => {
    const { key } = await aKey()
    const { tenantId } = await aPrincipal(world)
    expect(await rotateApiKey(world, { tenantId, id: key.id }, 'operator')).toEqual({
      refused: 'not_found',
    })
  })
})

describe('a revocation', () => {
  test('is in force immediately where it is signaled', async () => {
    const { key, secret } = await aKey()
    expect(
      await authentication.authenticate(bearer(secret), anywhere, 'within_a_second'),
    ).not.toEqual(refusal)
    world.publishedKeys.length = 0
    await granted(revokeApiKey(world, principal.tenantId, key.id, 'operator'))
    expect(world.publishedKeys).toEqual([`${revocationPrefix}${key.id}`])
    authentication.forget(key.id)
    expect(await authentication.authenticate(bearer(secret), anywhere, 'within_a_second')).toEqual(
      refusal,
    )
  })

  test('is in force for writes at once, also where its signal was lost', async () => {
    const { key, secret } = await aKey()
    await authentication.authenticate(bearer(secret), anywhere, 'within_a_second')
    await granted(revokeApiKey(world, principal.tenantId, key.id, 'operator'))
    expect(await authentication.authenticate(bearer(secret), anywhere, 'now')).toEqual(refusal)
  })

  test('is in force within a second where its signal was lost', async () => {
    const { key, secret } = await aKey()
    await authentication.authenticate(bearer(secret), anywhere, 'within_a_second')
    await granted(revokeApiKey(world, principal.tenantId, key.id, 'operator'))
    world.moveClock(credentialAgeMaxMs)
    expect(await authentication.authenticate(bearer(secret), anywhere, 'within_a_second')).toEqual(
      refusal,
    )
  })

  test('of another tenant’s key is refused as if there were none', async () => {
    const { key, secret } = await aKey()
    const otherPrincipal = await aPrincipal(world)
    const outcome = await revokeApiKey(world, otherPrincipal.tenantId, key.id, 'operator')
    expect(outcome).toEqual({ refused: 'not_found' })
    expect(
      await authentication.authenticate(bearer(secret), anywhere, 'within_a_second'),
    ).not.toEqual(refusal)
  })
})

describe('a busy relying party', () => {
  const counting = () => {
    let count = 0
    const apiKeys = {
      touch: async () => undefined,
      findCredential: (...args: Parameters<World['apiKeys']['findCredential']>) => {
        count += 1
        return world.apiKeys.findCredential(...args)
      },
    }
    return { authentication: buildApiKeyAuthentication({ ...world, apiKeys }), count: () => count }
  }

  test('costs one look-up a second, and none while one is under way', async () => {
    const { secret } = await aKey()
    const { authentication, count } = counting()
    await Promise.all(
      Array.from({ length: 50 }, () =>
        authentication.authenticate(bearer(secret), anywhere, 'within_a_second'),
      ),
    )
    expect(count()).toBe(1)
    world.moveClock(credentialAgeMaxMs)
    await authentication.authenticate(bearer(secret), anywhere, 'within_a_second')
    expect(count()).toBe(2)
  })

  test('costs at most two look-ups for any number of concurrent writes', async () => {
    const { secret } = await aKey()
    const { authentication, count } = counting()
    await Promise.all(
      Array.from({ length: 50 }, () =>
        authentication.authenticate(bearer(secret), anywhere, 'now'),
      ),
    )
    expect(count()).toBe(2)
  })

  test('is not evicted from the cache by made-up keys', async () => {
    const { secret } = await aKey()
    const { authentication, count } = counting()
    await authentication.authenticate(bearer(secret), anywhere, 'within_a_second')
    const madeUpKey = (n: number) => `cs_01${String(n).padStart(24, '0')}_${'A'.repeat(43)}`
    const findCredential = async () => null
    const floodedAuthentication = buildApiKeyAuthentication({
      ...world,
      apiKeys: { ...world.apiKeys, findCredential },
    })
    for (let n = 0; n < 50; n++) {
      const madeUp = [bearer(madeUpKey(n)), anywhere, 'within_a_second'] as const
      expect(await floodedAuthentication.authenticate(...madeUp)).toEqual(refusal)
      expect(await authentication.authenticate(...madeUp)).toEqual(refusal)
    }
    const before = count()
    await authentication.authenticate(bearer(secret), anywhere, 'within_a_second')
    expect(count()).toBe(before)
  })

  test('is served again as soon as the database is back: a failed look-up is not cached', async () => {
    const { secret } = await aKey()
    let down = true
    const apiKeys = {
      ...world.apiKeys,
      findCredential: (...args: Parameters<World['apiKeys']['findCredential']>) =>
        down ? Promise.reject(new Error('away')) : world.apiKeys.findCredential(...args),
    }
    const shaken = buildApiKeyAuthentication({ ...world, apiKeys })
    const read = [bearer(secret), anywhere, 'within_a_second'] as const
    await expect(shaken.authenticate(...read)).rejects.toThrow('away')
    down = false
    expect(await shaken.authenticate(...read)).toMatchObject({
      rpId: principal.rpId,
    })
  })
})
