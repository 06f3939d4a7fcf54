import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { defaultPolicy } from '../../src/domain/policy.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { readPolicy, setPolicy, setRelyingPartyPolicy } from '../../src/tenants/policy.ts'
import { aPhone, aPrincipal, ask, granted, openWorld, type World } from '../support/world.ts'

let world: World
let principal: Principal
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())
beforeEach(async () => {
  principal = await aPrincipal(world)
})

const set = (overrides: object, replace = false) =>
  setPolicy(world, principal.tenantId, { overrides, replace }, 'operator')
const audits = () =>
  world.database.query<{ subject: string; details: unknown }>(
    'audits',
    `select subject, details from audit_events
     where tenant_id = $1 and type = 'policy_changed' order by id`,
    [principal.tenantId],
  )

describe('the policy of a tenant', () => {
  test('keeps the other fields at a change, and returns them to their defaults at a replacement', async () => {
    await granted(set({ resendsMax: 1 }))
    expect(await granted(set({ pendingMax: 2 }))).toMatchObject({ resendsMax: 1, pendingMax: 2 })
    const newPolicy = await granted(set({ pendingMax: 1 }, true))
    expect(newPolicy).toEqual({ ...defaultPolicy, pendingMax: 1 })
    expect(await readPolicy(world, principal.tenantId, null)).toEqual(newPolicy)
  })

  test('is recorded with every changed field before and after', async () => {
    await granted(set({ resendsMax: 1 }))
    expect(await audits()).toEqual([
      { subject: principal.tenantId, details: { resendsMax: { before: 3, after: 1 } } },
    ])
  })

  test('is refused outside its profile, and stays as it was', async () => {
    expect(await set({ numberDigits: 4 })).toMatchObject({ refused: 'policy_out_of_profile' })
    expect(await readPolicy(world, principal.tenantId, null)).toEqual(defaultPolicy)
    expect(await audits()).toEqual([])
  })

  test('loses no change when two are made concurrently', async () => {
    await Promise.all([
      granted(set({ resendsMax: 1 })),
      granted(set({ pendingMax: 2 })),
      granted(set({ unansweredMax: 1 })),
    ])
    expect(await readPolicy(world, principal.tenantId, null)).toMatchObject({
      resendsMax: 1,
      pendingMax: 2,
      unansweredMax: 1,
    })
  })

  test('applies to the very next challenge', async () => {
    await aPhone(world, principal)
    await granted(set({ numberDigits: 8, challengeTtlSeconds: 30 }))
    const { challenge, number } = await granted(ask(world, principal))
    expect(number).toHaveLength(8)
    expect(challenge.expiresAt.getTime() - challenge.createdAt.getTime()).toBe(30_000)
  })
})

describe('the policy of a relying party', () => {
  const party = (overrides: object) =>
    setRelyingPartyPolicy(world, principal.tenantId, principal.rpId, overrides, 'operator')

  test('is its own within the tenant’s, and recorded', async () => {
    await aPhone(world, principal)
    await granted(party({ numberDigits: 7 }))
    expect((await granted(ask(world, principal))).number).toHaveLength(7)
    expect(await readPolicy(world, principal.tenantId, null)).toEqual(defaultPolicy)
    expect(await readPolicy(world, principal.tenantId, principal.rpId)).toMatchObject({
      numberDigits: 7,
    })
    expect(await audits()).toMatchObject([{ subject: principal.rpId }])
  })

  test('is refused where it is laxer, with the field', async () => {
    expect(await party({ wrongNumbersMax: 2, resendGapSeconds: 10, unansweredMax: 4 })).toEqual({
      refused: 'policy_laxer',
      facts: { field: 'unansweredMax' },
    })
  })

  test('yields when the tenant has become stricter since', async () => {
    await granted(party({ unansweredMax: 2 }))
    await granted(set({ unansweredMax: 1 }))
    expect(await readPolicy(world, principal.tenantId, principal.rpId)).toMatchObject({
      unansweredMax: 1,
    })
  })

  test('of an unknown relying party is not found', async () => {
    const unknown = systemRandom.id('relyingParty')
    expect(await readPolicy(world, principal.tenantId, unknown)).toEqual({ refused: 'not_found' })
    expect(await setRelyingPartyPolicy(world, principal.tenantId, unknown, {}, 'operator')).toEqual(
      { refused: 'not_found' },
    )
  })
})
