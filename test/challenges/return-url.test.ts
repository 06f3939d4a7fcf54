// Where a challenge may lead back: decided by the relying party's list, and signed by nobody.

import { describe, expect } from 'vitest'
import { cancelChallenge } from '../../src/challenges/cancel-challenge.ts'
import { fetchChallenges } from '../../src/challenges/fetch-challenges.ts'
import { readChallenge } from '../../src/challenges/read-challenge.ts'
import type { Principal } from '../../src/domain/principal.ts'
import {
  changeRelyingParty,
  createRelyingParty,
  listRelyingParties,
} from '../../src/tenants/tenants.ts'
import { aPrincipal, aProof, ask, granted, type World } from '../support/world.ts'
import { phoneTest as test } from '../support/world-test.ts'

const bank = 'https://bank.example.com'
const returnUrl = `${bank}/signed-in?state=1`

const allow = (world: World, { tenantId, rpId }: Principal, returnOrigins: readonly string[]) =>
  changeRelyingParty(world, { tenantId, id: rpId, returnOrigins }, 'operator')

describe('a challenge', () => {
  test('leads back to an address in the relying party’s origins, beside the signed request', async ({
    world,
    principal,
    phone,
  }) => {
    await granted(allow(world, principal, [bank]))
    const { challenge } = await granted(ask(world, principal, { returnUrl }))
    expect(challenge.returnUrl).toBe(returnUrl)
    expect((await granted(readChallenge(world, principal, challenge.id))).challenge).toMatchObject({
      returnUrl,
    })
    const [item] = await granted(fetchChallenges(world, await aProof(world, phone)))
    expect(item).toMatchObject({ challengeId: challenge.id, returnUrl })
    const payload = Buffer.from(item?.request.split('.')[1] ?? '', 'base64url').toString()
    expect(payload).not.toContain('bank.example.com')
    expect(Object.keys(JSON.parse(payload)).toSorted()).toEqual(
      'aud cid ctx exp iat iss jti nonce number sub tid uv'.split(' '),
    )
  })

  test('leads nowhere unless it says where', async ({ world, principal, phone }) => {
    await granted(allow(world, principal, [bank]))
    await granted(ask(world, principal))
    const [item] = await granted(fetchChallenges(world, await aProof(world, phone)))
    expect(item?.returnUrl).toBeNull()
  })

  test('is refused with an address in no origin of its relying party, and asks nobody', async ({
    world,
    principal,
    phone,
  }) => {
    const refusal = { refused: 'return_url_not_allowed' }
    expect(await ask(world, principal, { returnUrl })).toMatchObject(refusal)
    const other = await aPrincipal(world, ['other'], principal.tenantId)
    await granted(allow(world, other, [bank]))
    expect(await ask(world, principal, { returnUrl })).toMatchObject(refusal)
    await granted(allow(world, principal, [bank]))
    const elsewhere = `${bank}.evil.example/`
    expect(await ask(world, principal, { returnUrl: elsewhere })).toMatchObject(refusal)
    expect(world.dispatchedPushes).toEqual([])
    expect(await granted(fetchChallenges(world, await aProof(world, phone)))).toEqual([])
  })

  test('is refused from the next one on when its origin is removed from the list', async ({
    world,
    principal,
  }) => {
    await granted(allow(world, principal, [bank]))
    const { challenge } = await granted(ask(world, principal, { returnUrl }))
    await granted(cancelChallenge(world, principal, challenge.id))
    await granted(allow(world, principal, []))
    expect(await ask(world, principal, { returnUrl })).toMatchObject({
      refused: 'return_url_not_allowed',
    })
  })
})

describe('the return origins of a relying party', () => {
  test('are its own, and each change of them is recorded with what was before', async ({
    world,
    principal: { tenantId },
  }) => {
    const party = { tenantId, name: 'Shop', namespaces: ['shop'], returnOrigins: [bank] }
    const { id } = await granted(createRelyingParty(world, party, 'operator'))
    const next = { tenantId, id, returnOrigins: ['https://shop.example.com'] }
    expect(await granted(changeRelyingParty(world, next, 'operator'))).toMatchObject({
      ...party,
      ...next,
    })
    const parties = await listRelyingParties(world, tenantId)
    expect(parties.map(({ returnOrigins }) => returnOrigins)).toEqual([[], next.returnOrigins])
    const page = { limit: 2, before: null }
    expect(await world.audit.list(tenantId, { subject: id }, page)).toMatchObject([
      {
        type: 'relying_party_changed',
        details: { returnOrigins: { before: bank, after: 'https://shop.example.com' } },
      },
      { type: 'relying_party_created', details: { returnOrigins: bank } },
    ])
  })

  test('are refused when one is no https origin, and stay as they are', async ({
    world,
    principal,
  }) => {
    await granted(allow(world, principal, [bank]))
    expect(await allow(world, principal, [bank, 'http://bank.example.com'])).toMatchObject({
      refused: 'invalid_request',
    })
    const { tenantId } = principal
    const bad = { tenantId, name: 'Bad', namespaces: ['bad'], returnOrigins: ['*'] }
    expect(await createRelyingParty(world, bad, 'operator')).toMatchObject({
      refused: 'invalid_request',
    })
    const parties = await listRelyingParties(world, tenantId)
    expect(parties.map(({ returnOrigins }) => returnOrigins)).toEqual([[bank]])
  })

  test('of a relying party of another tenant cannot be changed', async ({ world, principal }) => {
    const { tenantId } = await aPrincipal(world)
    const foreign = { tenantId, id: principal.rpId, returnOrigins: [bank] }
    expect(await changeRelyingParty(world, foreign, 'operator')).toEqual({ refused: 'not_found' })
    const [party] = await listRelyingParties(world, principal.tenantId)
    expect(party?.returnOrigins).toEqual([])
  })
})
