import { beforeAll, describe, expect, test } from 'vitest'
import { followLinks, readKeySet } from '../../../clients/device/src/key-set.ts'
import { createTenantKeys, issuer, signRaw, type TenantKeys } from './stand-in.ts'

let tenantKeys: TenantKeys
let first: ReturnType<TenantKeys['keySet']>
let firstKey: ReturnType<TenantKeys['active']>

const header = (kid: string) => ({ alg: 'ES256', typ: 'keyset+jwt', kid })

beforeAll(async () => {
  tenantKeys = await createTenantKeys()
  first = tenantKeys.keySet()
  firstKey = tenantKeys.active()
  await tenantKeys.rotate()
  await tenantKeys.rotate()
})

describe('following the keys of the service', () => {
  test('a device that was away for several changes reaches the newest set', async () => {
    expect(await followLinks(first, tenantKeys.links(1), issuer)).toEqual(tenantKeys.keySet())
  })

  test('a device that has the newest set keeps it', async () => {
    const newest = tenantKeys.keySet()
    expect(await followLinks(newest, tenantKeys.links(3), issuer)).toEqual(newest)
  })

  test('no link may be skipped, repeated or taken back', async () => {
    const [second = '', third = ''] = tenantKeys.links(1)
    expect(await followLinks(first, [third], issuer)).toBe('key_unknown')
    expect(await followLinks(first, [second, second], issuer)).toBe('seq_wrong')
    expect(await followLinks(tenantKeys.keySet(), [second], issuer)).toBe('seq_wrong')
  })

  test('one bad link invalidates all that follow it, and none of them is stored', async () => {
    const [second = '', third = ''] = tenantKeys.links(1)
    expect(await followLinks(first, [`${second.slice(0, -4)}AAAA`, third], issuer)).toBe(
      'signature_wrong',
    )
  })

  test('links of another tenant or of a foreign key are refused', async () => {
    const stranger = await createTenantKeys()
    await stranger.rotate()
    expect(await followLinks(first, stranger.links(1), issuer)).toBe('key_unknown')
    expect(await followLinks(first, tenantKeys.links(1), `${issuer}x`)).toBe('issuer_wrong')
  })

  test.each([
    [
      'a set that drops a pinned key',
      'keys_wrong',
      () => ({ keys: tenantKeys.keySet().keys.slice(0, 1) }),
    ],
    ['a set with nothing new', 'keys_wrong', () => ({ keys: first.keys })],
    ['an empty set', 'keys_wrong', () => ({ keys: [] })],
    ['a number far ahead', 'seq_wrong', () => ({ seq: 1_000_000 })],
    ['a number behind', 'seq_wrong', () => ({ seq: 1 })],
    ['a member we do not know', 'malformed', () => ({ more: 1 })],
    ['a missing time', 'malformed', () => ({ iat: undefined })],
  ])('%s is refused even though the right key signed it', async (_, fault, changes) => {
    const { keys } = tenantKeys.keySet()
    const payload = { iss: issuer, seq: 2, iat: 1798761600, keys, ...changes() }
    const link = await signRaw(firstKey, header(firstKey.kid), payload)
    expect(await followLinks(first, [link], issuer)).toBe(fault)
  })

  test('a request cannot be passed off as a link', async () => {
    const { keys } = tenantKeys.keySet()
    const payload = { iss: issuer, seq: 2, iat: 1798761600, keys }
    const typ = 'approval-request+jwt'
    const link = await signRaw(firstKey, { ...header(firstKey.kid), typ }, payload)
    expect(await followLinks(first, [link], issuer)).toBe('malformed')
  })
})

describe('reading a key set', () => {
  test('the service’s key set is read', async () => {
    expect(await readKeySet(JSON.parse(JSON.stringify(first)))).toEqual(first)
  })

  test('nothing else is', async () => {
    const [key] = first.keys
    const other = { ...key, kid: 'A'.repeat(43) }
    for (const value of [
      null,
      [],
      {},
      { seq: 1, keys: [] },
      { seq: '1', keys: [key] },
      { seq: 1, keys: [key, key] },
      { seq: 1, keys: [other] },
      { seq: 1, keys: [{ ...key, crv: 'P-384' }] },
      { seq: 1, keys: [null] },
    ]) {
      expect(await readKeySet(value), JSON.stringify(value)).toBeUndefined()
    }
  })
})
