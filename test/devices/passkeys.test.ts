import { describe, expect } from 'vitest'
import { readDeviceProof } from '../../src/devices/authenticate-device.ts'
import { rotateKey } from '../../src/devices/keys/rotate-key.ts'
import { readSelf, unregisterOther } from '../../src/devices/own-devices.ts'
import type { AssertionFault } from '../../src/domain/assertion.ts'
import type { PolicyOverrides } from '../../src/domain/policy.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { openNextEnrollment } from '../../src/enrollments/enroll-next-phone.ts'
import { setPolicy } from '../../src/tenants/policy.ts'
import { aBrowser, anAssertedProof } from '../support/browsers.ts'
import { aSoftwarePasskey, flags, type Untruth } from '../support/software-passkey.ts'
import {
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  publicOrigin,
  type World,
} from '../support/world.ts'
import { worldTest } from '../support/world-test.ts'
import { aKey, rotate } from './key-rotation-steps.ts'

const test = worldTest
  .extend('principal', ({ world }) => aPrincipal(world))
  .extend('browser', ({ world, principal }) => aBrowser(world, principal))
  .extend('lost', ({ world, principal }) => aPhone(world, principal))

const decide = (world: World, { tenantId }: Principal, overrides: PolicyOverrides) =>
  granted(setPolicy(world, tenantId, { overrides, replace: true }, 'operator'))

describe('a call that the verification key must sign', () => {
  test('is signed by the possession key, with an assertion of the passkey', async ({
    world,
    browser,
    lost,
  }) => {
    const proof = await anAssertedProof(world, browser)
    expect(await unregisterOther(world, proof, lost.id)).toBeUndefined()
    expect(await world.devices.find(lost.tenantId, lost.id)).toMatchObject({
      status: 'unregistered',
    })
  })

  test('is refused without one', async ({ world, browser, lost }) => {
    expect(await unregisterOther(world, await aProof(world, browser), lost.id)).toEqual({
      refused: 'proof_key_not_allowed',
    })
  })

  test.for<[AssertionFault, string, Untruth]>([
    ['type', 'of a registration', { client: { type: 'webauthn.create' } }],
    ['origin', 'made on another origin', { origin: 'https://evil.example' }],
    ['cross_origin', 'made in a frame of another site', { client: { crossOrigin: true } }],
    ['rp_id', 'for another RP ID', { rpId: 'example.com' }],
    ['user_presence', 'without a touch', { flags: flags.uv }],
    ['user_verification', 'without biometrics or PIN', { flags: flags.up }],
    ['credential', 'of another passkey', { id: 'AAAA' }],
  ])(
    'is refused with an assertion as %s, %s',
    async ([why, , untruth], { world, browser, lost }) => {
      const proof = await anAssertedProof(world, browser, (challenge) =>
        browser.passkey.assert(challenge, untruth),
      )
      expect(await unregisterOther(world, proof, lost.id)).toEqual({
        refused: 'proof_invalid',
        facts: { claim: 'assertion', why },
      })
    },
  )

  test('is refused with the assertion of another call', async ({ world, browser, lost }) => {
    const { assertion } = await anAssertedProof(world, browser)
    if (!assertion) throw new Error('the call has an assertion')
    const proof = await anAssertedProof(world, browser, () => assertion)
    expect(await unregisterOther(world, proof, lost.id)).toEqual({
      refused: 'proof_invalid',
      facts: { claim: 'assertion', why: 'challenge' },
    })
  })

  test('is refused with an assertion by another key', async ({ world, browser, lost }) => {
    const thief = aSoftwarePasskey({ origin: publicOrigin })
    const proof = await anAssertedProof(world, browser, (challenge) =>
      thief.assert(challenge, { id: browser.passkey.id }),
    )
    expect(await unregisterOther(world, proof, lost.id)).toEqual({
      refused: 'proof_invalid',
      facts: { claim: 'assertion', why: 'signature' },
    })
  })

  test('is refused with an assertion to a phone, which has no passkey', async ({
    world,
    browser,
    lost,
  }) => {
    const phone = { ...lost, passkey: browser.passkey }
    expect(await unregisterOther(world, await anAssertedProof(world, phone), browser.id)).toEqual({
      refused: 'proof_invalid',
      facts: { claim: 'assertion', why: 'credential' },
    })
  })

  test('works once', async ({ world, browser, lost }) => {
    const proof = await anAssertedProof(world, browser)
    await unregisterOther(world, proof, lost.id)
    const other = await aPhone(world, { ...(await aPrincipal(world)) })
    expect(await unregisterOther(world, proof, other.id)).toMatchObject({ refused: 'not_found' })
    expect(await unregisterOther(world, proof, lost.id)).toEqual({ refused: 'proof_replayed' })
  })
})

describe('an assertion that comes with any other call', () => {
  test('must hold as well', async ({ world, browser }) => {
    expect(await readSelf(world, await anAssertedProof(world, browser))).toMatchObject({
      id: browser.id,
    })
    const proof = await anAssertedProof(world, browser, (challenge) =>
      browser.passkey.assert(challenge, { flags: flags.up }),
    )
    expect(await readSelf(world, proof)).toEqual({
      refused: 'proof_invalid',
      facts: { claim: 'assertion', why: 'user_verification' },
    })
  })
})

describe('a Device-Assertion header is malformed', () => {
  const honest = { id: 'AAAA', authenticatorData: 'AAAA', clientDataJSON: 'e30', signature: 'AAAA' }
  const header = (object: unknown) => Buffer.from(JSON.stringify(object)).toString('base64url')
  const request = { method: 'POST', uri: `${publicOrigin}/device/v1/x`, bodyHash: null }
  const paddedHeader = (bytes: number) => header({ ...honest, id: 'A'.repeat(bytes) })

  test('beyond two kilobytes', async ({ world, browser }) => {
    const { jws } = await aProof(world, browser)
    const read = (text: string) => readDeviceProof(world, jws.text, request, text)
    const own = paddedHeader(0).length
    const longest = paddedHeader(Math.floor(((2048 - own) * 3) / 4))
    expect(longest.length).toBeGreaterThan(2044)
    expect(isRefusal(read(longest))).toBe(false)
    expect(read(paddedHeader(Math.ceil(((2052 - own) * 3) / 4)))).toEqual({
      refused: 'proof_malformed',
    })
  })

  test.for([
    ['that is empty', ''],
    ['that is no base64url', `${header(honest)}=`],
    ['that is no JSON', 'AAAA'],
    ['that is a list', header([honest])],
    ['with a member more', header({ ...honest, userHandle: 'AAAA' })],
    ['with a member less', header({ ...honest, signature: undefined })],
    ['with a member that is no text', header({ ...honest, signature: 1 })],
    ['with two of them', `${header(honest)}, ${header(honest)}`],
    [
      'with a member twice',
      Buffer.from(`{"id":"B",${JSON.stringify(honest).slice(1)}`).toString('base64url'),
    ],
  ] as const)('%s', async ([, text], { world, browser }) => {
    const { jws } = await aProof(world, browser)
    expect(readDeviceProof(world, jws.text, request, text)).toEqual({ refused: 'proof_malformed' })
  })
})

describe('keys of a browser', () => {
  test('are replaced but for the passkey', async ({ world, browser }) => {
    const key = await aKey()
    const phone = { ...browser, keys: { ...browser.keys, verification: null } }
    const call = await anAssertedProof(world, browser)
    const role = 'possession'
    expect(await rotate(world, phone, { role, key, call, caller: key })).toMatchObject({
      id: browser.id,
      passkey: { backupEligible: false, backedUp: false },
    })
    const rotatedBrowser = { ...browser, keys: { ...browser.keys, possession: key } }
    const { publicJwk } = await aKey()
    const command = { role: 'verification', key: publicJwk, proof: 'x' } as const
    expect(
      await rotateKey(world, await anAssertedProof(world, rotatedBrowser), command),
    ).toMatchObject({
      refused: 'invalid_request',
      hint: 'A passkey is not replaced. Enroll the browser anew in the place of this device.',
    })
  })
})

describe('where the tenant accepts', () => {
  test('no browser, one that it has is refused and not asked', async ({
    world,
    principal,
    browser,
  }) => {
    await decide(world, principal, { browserDevices: 'refused' })
    const refusal = { refused: 'platform_retired', facts: { platform: 'web' } }
    expect(await rotateKey(world, await aProof(world, browser), {} as never)).toEqual(refusal)
    expect(await ask(world, principal)).toMatchObject({ refused: 'no_capable_device' })
  })

  test('no passkey that may be copied, a browser with one is not asked', async ({
    world,
    principal,
  }) => {
    const browser = await aBrowser(world, principal, { synced: true })
    await decide(world, principal, { syncedPasskeys: 'refused' })
    expect(await ask(world, principal)).toMatchObject({ refused: 'no_capable_device' })
    expect(await readSelf(world, await aProof(world, browser))).toMatchObject({
      mayAnswer: false,
      whyNot: 'passkey_synced',
    })
    const boundBrowser = await aBrowser(world, principal)
    expect(await ask(world, principal)).toMatchObject({ challenge: { status: 'pending' } })
    expect(await readSelf(world, await aProof(world, boundBrowser))).toMatchObject({
      mayAnswer: true,
    })
  })

  test('no passkey that may be copied, one signs no call that takes the verification key', async ({
    world,
    principal,
    lost,
  }) => {
    const browser = await aBrowser(world, principal, { synced: true })
    await decide(world, principal, { syncedPasskeys: 'refused' })
    const call = async () => anAssertedProof(world, browser)
    expect(await openNextEnrollment(world, await call(), {})).toEqual({
      refused: 'proof_key_not_allowed',
    })
    expect(await readSelf(world, await call())).toMatchObject({ id: browser.id })
    await decide(world, principal, {})
    expect(await unregisterOther(world, await call(), lost.id)).toBeUndefined()
  })
})
