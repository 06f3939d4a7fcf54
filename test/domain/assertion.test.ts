import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  type AssertionFault,
  checkAssertion,
  type ExpectedAssertion,
} from '../../src/domain/assertion.ts'
import { aSoftwarePasskey, flags, partsOf, type Untruth } from '../support/software-passkey.ts'

const origin = 'https://push.example.com'
const passkey = aSoftwarePasskey({ origin })
const syncedPasskey = aSoftwarePasskey({ origin, synced: true })
const challenge = createHash('sha256').update('header.payload').digest('base64url')
const expectedAssertion: ExpectedAssertion = {
  origin,
  rpIdHash: createHash('sha256').update('push.example.com').digest('base64url'),
  passkey: { credentialId: passkey.id, backupEligible: false },
  challenge,
}

function check(untruth: Untruth = {}, more: Partial<ExpectedAssertion> = {}, maker = passkey) {
  return checkAssertion(partsOf(maker.assert(challenge, untruth)), {
    ...expectedAssertion,
    ...more,
  })
}

const verifiedFlags = flags.up | flags.uv

describe('an assertion fits', () => {
  test('the text, the passkey and the site that it is for', () => {
    expect(check()).toBeUndefined()
  })

  test('whatever the signature counter says, which stays at zero where a passkey is copied', () => {
    expect(check({ counter: 7 })).toBeUndefined()
    expect(check({ counter: 0 })).toBeUndefined()
  })

  test('with members of the client data that are not known yet', () => {
    expect(check({ client: { other_keys_can_be_added_here: 'do not compare' } })).toBeUndefined()
  })

  test('without crossOrigin, as older browsers send it', () => {
    expect(check({ client: { crossOrigin: undefined } })).toBeUndefined()
  })

  test('of a passkey that may be copied, whether it has been or not', () => {
    const own = { passkey: { credentialId: syncedPasskey.id, backupEligible: true } }
    expect(check({}, own, syncedPasskey)).toBeUndefined()
    expect(check({ flags: verifiedFlags | flags.be }, own, syncedPasskey)).toBeUndefined()
  })
})

describe('an assertion is refused', () => {
  test.each<[AssertionFault, string, Untruth]>([
    ['credential', 'of another passkey', { id: syncedPasskey.id }],
    ['type', 'of a registration', { client: { type: 'webauthn.create' } }],
    ['type', 'of a payment', { client: { type: 'payment.get' } }],
    ['challenge', 'over another text', { client: { challenge: `${challenge}A` } }],
    ['challenge', 'over no text', { client: { challenge: undefined } }],
    ['origin', 'made on another origin', { origin: 'https://evil.example' }],
    ['origin', 'made on another port', { origin: `${origin}:8443` }],
    ['origin', 'made without encryption', { origin: 'http://push.example.com' }],
    ['origin', 'made on a host below', { origin: 'https://a.push.example.com' }],
    ['cross_origin', 'made in a frame of another site', { client: { crossOrigin: true } }],
    ['cross_origin', 'with the flag as a text', { client: { crossOrigin: 'false' } }],
    ['cross_origin', 'with a site around it', { client: { topOrigin: 'https://evil.example' } }],
    ['rp_id', 'for another RP ID', { rpId: 'example.com' }],
    ['user_presence', 'without a touch', { flags: flags.uv }],
    ['user_verification', 'without biometrics or PIN', { flags: flags.up }],
    ['backup_eligibility', 'that may be copied by now', { flags: verifiedFlags | flags.be }],
    ['backup_eligibility', 'that was copied and must not be', { flags: verifiedFlags | flags.bs }],
    ['malformed', 'with bytes behind its counter', { more: Buffer.from([0xa0]) }],
    [
      'extra_data',
      'with outputs of extensions',
      { flags: verifiedFlags | flags.ed, more: Buffer.from([0xa0]) },
    ],
  ])('as %s, %s', (fault, _, untruth) => {
    expect(check(untruth)).toBe(fault)
  })

  test('as extra_data, when it introduces a credential', () => {
    const registeredData = Buffer.from(passkey.registration.authenticatorData, 'base64url')
    expect(check({ flags: verifiedFlags | flags.at, more: registeredData.subarray(37) })).toBe(
      'extra_data',
    )
  })

  test('as backup_eligibility, when it must not be copied any more', () => {
    const own = { passkey: { credentialId: syncedPasskey.id, backupEligible: true } }
    expect(check({ flags: verifiedFlags }, own, syncedPasskey)).toBe('backup_eligibility')
  })
})
