import { describe, expect } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { readChallenge } from '../../src/challenges/read-challenge.ts'
import { readEvidence } from '../../src/challenges/read-evidence.ts'
import type { AssertionFault } from '../../src/domain/assertion.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { setPolicy } from '../../src/tenants/policy.ts'
import { aBrowser, aConfirmedAnswer, type Browser } from '../support/browsers.ts'
import { onServer } from '../support/cluster.ts'
import { aSoftwarePasskey, flags, signedHashOf, type Untruth } from '../support/software-passkey.ts'
import {
  anAnswer,
  aPrincipal,
  aProof,
  ask,
  granted,
  signAnswer,
  type World,
} from '../support/world.ts'
import { worldTest } from '../support/world-test.ts'

const test = worldTest
  .extend('principal', ({ world }) => aPrincipal(world))
  .extend('browser', ({ world, principal }) => aBrowser(world, principal))

/** A pending challenge, and the right number. */
async function pending(world: World, principal: Principal) {
  const { challenge, number } = await granted(ask(world, principal))
  return { id: challenge.id, approval: { dec: 'approve', num: number ?? '' } as const }
}

type Sent = Awaited<ReturnType<typeof aConfirmedAnswer>>

/** Sends an answer of this browser under a fresh proof. */
const send = async (
  world: World,
  browser: Browser,
  command: Omit<Sent, 'assertion'> & Partial<Sent>,
) => answerChallenge(world, await aProof(world, browser), command)

const statusOf = async (world: World, principal: Principal, id: Sent['challengeId']) =>
  (await granted(readChallenge(world, principal, id))).challenge.status

describe('a browser approves', () => {
  test('with a passkey, and the result and the evidence say so', async ({
    world,
    principal,
    browser,
  }) => {
    const { id, approval } = await pending(world, principal)
    const command = await aConfirmedAnswer(world, browser, id, approval)
    expect(await send(world, browser, command)).toEqual({ status: 'approved' })

    const { result } = await granted(readChallenge(world, principal, id))
    const payload = Buffer.from(result?.split('.')[1] ?? '', 'base64url').toString()
    expect(JSON.parse(payload)).toMatchObject({
      ...{ did: browser.id, platform: 'web' },
      amr: ['pop', 'swk', 'user'],
    })
    const evidence = await granted(readEvidence(world, principal, id))
    expect(evidence).toMatchObject({
      answer: command.answer,
      deviceKey: { kid: browser.keys.possession.kid },
      passkey: { assertion: command.assertion, key: { kid: browser.passkey.kid } },
    })
  })

  test('once: the same answer again gets the same reply', async ({ world, principal, browser }) => {
    const { id, approval } = await pending(world, principal)
    const command = await aConfirmedAnswer(world, browser, id, approval)
    await send(world, browser, command)
    expect(await send(world, browser, command)).toEqual({ status: 'approved' })
  })

  test('where user verification is required', async ({ world, principal, browser }) => {
    const { challenge, number } = await granted(
      ask(world, principal, { userVerification: 'required' }),
    )
    const approval = { dec: 'approve', num: number ?? '' } as const
    const command = await aConfirmedAnswer(world, browser, challenge.id, approval)
    expect(await send(world, browser, command)).toEqual({ status: 'approved' })
  })

  test('and denies without it', async ({ world, principal, browser }) => {
    const { id } = await pending(world, principal)
    const claims = await anAnswer(world, browser, id, { dec: 'deny' })
    const answer = await signAnswer(browser, claims)
    expect(await send(world, browser, { challengeId: id, answer })).toEqual({ status: 'denied' })
    expect(await granted(readEvidence(world, principal, id))).toMatchObject({ passkey: null })
  })
})

describe('an assertion does not count', () => {
  const verifiedFlags = flags.up | flags.uv
  test.for<[AssertionFault, string, Untruth]>([
    ['type', 'of a registration', { client: { type: 'webauthn.create' } }],
    ['challenge', 'over another text', { client: { challenge: 'A'.repeat(43) } }],
    ['origin', 'made on another origin', { origin: 'https://evil.example' }],
    ['cross_origin', 'made in a frame of another site', { client: { crossOrigin: true } }],
    ['rp_id', 'for another RP ID', { rpId: 'example.com' }],
    ['user_presence', 'without a touch', { flags: flags.uv }],
    ['user_verification', 'without biometrics or PIN', { flags: flags.up }],
    ['backup_eligibility', 'of a copy', { flags: verifiedFlags | flags.be }],
    ['malformed', 'with bytes behind its counter', { more: Buffer.alloc(1) }],
    ['credential', 'of another passkey', { id: 'AAAA' }],
  ])('%s: %s', async ([why, , untruth], { world, principal, browser }) => {
    const { id, approval } = await pending(world, principal)
    const command = await aConfirmedAnswer(world, browser, id, approval, { untruth })
    expect(await send(world, browser, command)).toEqual({
      refused: 'answer_invalid',
      facts: { claim: 'assertion', why },
    })
    expect(await statusOf(world, principal, id)).toBe('pending')
  })

  test('that was made for another answer to the same challenge', async ({
    world,
    principal,
    browser,
  }) => {
    const { id, approval } = await pending(world, principal)
    const first = await aConfirmedAnswer(world, browser, id, { ...approval, num: '000000' })
    const second = await aConfirmedAnswer(world, browser, id, approval)
    expect(await send(world, browser, { ...second, assertion: first.assertion })).toEqual({
      refused: 'answer_invalid',
      facts: { claim: 'assertion', why: 'challenge' },
    })
  })

  test('that another key has signed under the id of the passkey', async ({
    world,
    principal,
    browser,
  }) => {
    const { id, approval } = await pending(world, principal)
    const command = await aConfirmedAnswer(world, browser, id, approval)
    const thief = aSoftwarePasskey({ origin: world.publicOrigin })
    const assertion = thief.assert(signedHashOf(command.answer), { id: browser.passkey.id })
    expect(await send(world, browser, { ...command, assertion })).toEqual({
      refused: 'answer_invalid',
      facts: { claim: 'assertion', why: 'signature' },
    })
  })

  test('whose client data were exchanged after it was signed', async ({
    world,
    principal,
    browser,
  }) => {
    const { id, approval } = await pending(world, principal)
    const command = await aConfirmedAnswer(world, browser, id, approval)
    const old = browser.passkey.assert('A'.repeat(43))
    const { clientDataJSON } = command.assertion
    expect(
      await send(world, browser, { ...command, assertion: { ...old, clientDataJSON } }),
    ).toEqual({
      refused: 'answer_invalid',
      facts: { claim: 'assertion', why: 'signature' },
    })
  })

  test.for<[string, (clientData: string) => string]>([
    ['is no JSON', () => 'e30_'],
    ['repeats a member', (text) => text.replace('{', '{"type":"webauthn.get",')],
  ])('whose client data %s', async ([, spoil], { world, principal, browser }) => {
    const { id, approval } = await pending(world, principal)
    const command = await aConfirmedAnswer(world, browser, id, approval)
    const client = Buffer.from(command.assertion.clientDataJSON, 'base64url').toString()
    const clientDataJSON = Buffer.from(spoil(client)).toString('base64url')
    const assertion = { ...command.assertion, clientDataJSON }
    expect(await send(world, browser, { ...command, assertion })).toEqual({
      refused: 'answer_invalid',
      facts: { claim: 'assertion', why: 'malformed' },
    })
  })
})

describe('an answer of a browser is refused', () => {
  const invalid = (claim: string) => ({ refused: 'answer_invalid', facts: { claim } })

  test('when it names its passkey and brings no assertion', async ({
    world,
    principal,
    browser,
  }) => {
    const { id, approval } = await pending(world, principal)
    const { assertion: _, ...command } = await aConfirmedAnswer(world, browser, id, approval)
    expect(await send(world, browser, command)).toEqual(invalid('assertion'))
  })

  test('when it brings an assertion and names no passkey', async ({
    world,
    principal,
    browser,
  }) => {
    const { id } = await pending(world, principal)
    const claims = { uv: false, vk: undefined }
    const command = await aConfirmedAnswer(world, browser, id, { dec: 'deny' }, { claims })
    expect(await send(world, browser, command)).toEqual(invalid('assertion'))
  })

  test('when its possession key claims to be the verification key', async ({
    world,
    principal,
    browser,
  }) => {
    const { id, approval } = await pending(world, principal)
    const claims = { uv: true, vk: undefined }
    const command = await aConfirmedAnswer(world, browser, id, approval, { claims })
    expect(await send(world, browser, command)).toEqual(invalid('uv'))
  })

  test('when it names the passkey of another', async ({ world, principal, browser }) => {
    const { id, approval } = await pending(world, principal)
    const other = await aBrowser(world, principal, { user: 'bob' })
    const claims = { vk: other.passkey.kid }
    const { answer } = await aConfirmedAnswer(world, browser, id, approval, { claims })
    const assertion = other.passkey.assert(signedHashOf(answer))
    expect(await send(world, browser, { challengeId: id, answer, assertion })).toEqual(
      invalid('vk'),
    )
  })

  test('when the passkey has signed it as if it were a key for texts', async ({
    world,
    principal,
    browser,
  }) => {
    const { id, approval } = await pending(world, principal)
    const { kid, pair } = browser.passkey
    const jwk = pair.privateKey.export({ format: 'jwk' })
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
    const privateKey = await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['sign'])
    const claims = { ...(await anAnswer(world, browser, id, approval)), uv: true }
    const key = { kid, privateKey, publicJwk: browser.passkey.publicJwk }
    const answer = await signAnswer(browser, claims, key)
    expect(await send(world, browser, { challengeId: id, answer })).toEqual(invalid('kid'))
    expect(
      await answerChallenge(world, await aProof(world, browser, key), {
        challengeId: id,
        answer,
      }),
    ).toEqual({ refused: 'proof_invalid' })
  })

  test('without its passkey, wherever the browser should use it', async ({
    world,
    principal,
    browser,
  }) => {
    const { id, approval } = await pending(world, principal)
    const claims = { ...(await anAnswer(world, browser, id, approval)), uv: false }
    const answer = await signAnswer(browser, claims)
    expect(await send(world, browser, { challengeId: id, answer })).toEqual({
      refused: 'answer_key_not_allowed',
    })
  })

  test('when the tenant has come to refuse passkeys that may be copied, unless it denies', async ({
    world,
    principal,
  }) => {
    const browser = await aBrowser(world, principal, { synced: true })
    const { id, approval } = await pending(world, principal)
    const overrides = { syncedPasskeys: 'refused' } as const
    const { tenantId } = principal
    await granted(setPolicy(world, tenantId, { overrides, replace: true }, 'operator'))
    const command = await aConfirmedAnswer(world, browser, id, approval)
    expect(await send(world, browser, command)).toEqual({ refused: 'answer_key_not_allowed' })
    const denial = await aConfirmedAnswer(world, browser, id, { dec: 'deny' })
    expect(await send(world, browser, denial)).toEqual({ status: 'denied' })
  })

  const setKey = (world: World, { id }: Browser, change: string) =>
    onServer(world.url, (client) =>
      client.query(
        `update device_keys set ${change} where device_id = $1 and role = 'verification'`,
        [id],
      ),
    )

  test.for([`credential_id = 'AAAA'`, 'backup_eligible = true', 'backed_up = true'])(
    'and the operator alerted, after somebody set %s',
    async (change, { world, principal, browser }) => {
      const { id, approval } = await pending(world, principal)
      const command = await aConfirmedAnswer(world, browser, id, approval)
      await setKey(world, browser, change)
      world.securityEvents.length = 0
      expect(await send(world, browser, command)).toEqual({
        refused: 'answer_invalid',
        facts: { claim: 'assertion', why: 'credential' },
      })
      expect(world.securityEvents).toEqual([
        { event: 'device_key_tampered', tenantId: browser.tenantId, deviceId: browser.id },
      ])
    },
  )

  test('after somebody made the row of its passkey one of a key for texts', async ({
    world,
    principal,
    browser,
  }) => {
    const { id, approval } = await pending(world, principal)
    const command = await aConfirmedAnswer(world, browser, id, approval)
    const nothing = 'credential_id = null, backup_eligible = null, backed_up = null'
    await setKey(world, browser, `kind = 'jws', ${nothing}`)
    expect(await send(world, browser, command)).toEqual(invalid('vk'))
    const { kid, pair, publicJwk } = browser.passkey
    const jwk = pair.privateKey.export({ format: 'jwk' })
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
    const privateKey = await crypto.subtle.importKey('jwk', jwk, algorithm, false, ['sign'])
    const proof = await aProof(world, browser, { kid, privateKey, publicJwk })
    expect(await answerChallenge(world, proof, command)).toEqual({ refused: 'proof_invalid' })
  })
})
