import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Principal } from '../../src/domain/principal.ts'
import type { SigningKeyStore } from '../../src/tenants/directory.store.ts'
import { readPublicKeys } from '../../src/tenants/read-signing-keys.ts'
import { rotateSigningKey } from '../../src/tenants/rotate-signing-key.ts'
import { buildSigningKeys } from '../../src/tenants/signing-keys.ts'
import { aPrincipal, granted, openWorld, type World } from '../support/world.ts'

let world: World
let principal: Principal

beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  principal = await aPrincipal(world)
})
afterAll(() => world.close())

const nowMs = () => world.clock.now().getTime()

/** The key under which this text verifies. */
async function signerOf(text: string) {
  const jws = world.signatures.read(text, 8_192)
  if (!jws) throw new Error('it is a JWS')
  for (const key of await world.keys.list(principal.tenantId)) {
    if (await world.signatures.verify(jws, key.publicJwk)) {
      expect(jws.header).toMatchObject({ kid: key.kid })
      return key
    }
  }
  throw new Error('no key of the tenant signed it')
}
const sign = (keys = world.signingKeys) => keys.sign(principal.tenantId, 'x+jwt', '{}')

test('a tenant signs with its active key, in this process with the next from the rotation on', async () => {
  expect(await signerOf(await sign())).toMatchObject({ seq: 1 })
  expect(await granted(rotateSigningKey(world, principal.tenantId))).toMatchObject({ seq: 2 })
  expect(await signerOf(await sign())).toMatchObject({ seq: 2, status: 'active' })
})

test('another process follows within a minute, and what it signs until then verifies', async () => {
  const elsewhere = buildSigningKeys(world, nowMs)
  await sign(elsewhere)
  await granted(rotateSigningKey(world, principal.tenantId))
  expect(await signerOf(await sign(elsewhere))).toMatchObject({ seq: 1, status: 'retired' })
  world.moveClock(60_000)
  expect(await signerOf(await sign(elsewhere))).toMatchObject({ seq: 2, status: 'active' })
})

test('the link to each set is signed by the key before and names every key', async () => {
  const { tenantId } = principal
  for (const seq of [2, 3]) {
    await granted(rotateSigningKey(world, tenantId))
    const [newest] = await granted(readPublicKeys(world, tenantId))
    expect(await signerOf(newest?.linkJws ?? '')).toMatchObject({ seq: seq - 1 })
    const link = world.signatures.read(newest?.linkJws ?? '', 8_192)
    if (!link) throw new Error('the link is a JWS')
    expect(link.header).toMatchObject({ typ: 'keyset+jwt' })
    expect(link.payload).toMatchObject({ seq, iss: `${world.publicOrigin}/t/${tenantId}` })
    const { keys } = link.payload as { keys: { kid: string }[] }
    const storedKeys = await world.keys.list(tenantId)
    expect(keys.map(({ kid }) => kid)).toEqual(storedKeys.map(({ kid }) => kid))
  }
})

test('of concurrent rotations each place in the chain has one winner, and the others get a conflict', async () => {
  const rotate = () => rotateSigningKey(world, principal.tenantId)
  const outcomes = await Promise.all(Array.from({ length: 5 }, rotate))
  const winners = outcomes.flatMap((one) => ('seq' in one ? one.seq : []))
  const losers = outcomes.filter((one) => 'refused' in one)
  expect(winners.toSorted()).toEqual(Array.from(winners, (_, index) => index + 2))
  expect(losers).toEqual(Array.from(losers, () => ({ refused: 'conflict' })))
  const storedKeys = await world.keys.list(principal.tenantId)
  expect(storedKeys.map(({ status }) => status)).toEqual([
    'active',
    ...winners.map(() => 'retired'),
  ])
})

test('one tenant never signs with another’s key', async () => {
  const otherPrincipal = await aPrincipal(world)
  const [key] = await world.keys.list(otherPrincipal.tenantId)
  const kid = key?.kid ?? ''
  const header = JSON.stringify({ alg: 'ES256', typ: 'x+jwt', kid })
  await expect(world.signingKeys.signWith(principal.tenantId, kid, header, '{}')).rejects.toThrow(
    kid,
  )
  await world.signingKeys.signWith(otherPrincipal.tenantId, kid, header, '{}')
  await expect(world.signingKeys.signWith(principal.tenantId, kid, header, '{}')).rejects.toThrow()
})

test('a failed look-up is not cached: signing recovers with the database', async () => {
  let down = true
  const shaky =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> =>
      down ? Promise.reject(new Error('away')) : call(...args)
  const keys: Pick<SigningKeyStore, 'list' | 'findPrivate'> = {
    list: shaky(world.keys.list),
    findPrivate: shaky(world.keys.findPrivate),
  }
  const signing = buildSigningKeys({ keys, signatures: world.signatures }, nowMs)
  await expect(sign(signing)).rejects.toThrow('away')
  down = false
  expect(await signerOf(await sign(signing))).toMatchObject({ seq: 1 })
})

test('a tenant’s keys are looked up once for many signatures', async () => {
  await sign()
  const before = world.database.roundTrips()
  for (let count = 0; count < 20; count++) await sign()
  expect(world.database.roundTrips()).toBe(before)
})

test('an unknown tenant has no keys to read or rotate', async () => {
  const unknown = 'tnt_01h455vb4pex5vsknk084sn02q'
  expect(await readPublicKeys(world, unknown)).toEqual({ refused: 'not_found' })
  expect(await rotateSigningKey(world, unknown)).toEqual({ refused: 'not_found' })
})
