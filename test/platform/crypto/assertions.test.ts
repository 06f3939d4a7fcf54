// Passkeys as an independent implementation sees them: @simplewebauthn/server, which this project
// does not use elsewhere.

import { createHash, sign } from 'node:crypto'
import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server'
import { describe, expect, test } from 'vitest'
import { checkAssertion } from '../../../src/domain/assertion.ts'
import { readNewPasskey } from '../../../src/domain/passkey.ts'
import { isRefusal } from '../../../src/domain/refusal.ts'
import { buildSealing } from '../../../src/platform/crypto/sealing.ts'
import { buildSignatures } from '../../../src/platform/crypto/signatures.ts'
import { aSoftwarePasskey, flags, type Untruth } from '../../support/software-passkey.ts'

const origin = 'https://push.example.com'
const rpId = 'push.example.com'
const signatures = buildSignatures(buildSealing({ current: Buffer.alloc(32) }))
const challenge = createHash('sha256').update('header.payload').digest('base64url')
const passkey = aSoftwarePasskey({ origin })
const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')

/** `{fmt: "none", attStmt: {}, authData}` in CBOR. */
function attestationObject(authData: Buffer): Buffer {
  const length = Buffer.from([0x58, authData.length])
  const before = '\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData'
  return Buffer.concat([Buffer.from(before, 'latin1'), length, authData])
}

function registrationOf({ id, registration }: typeof passkey) {
  const client = { type: 'webauthn.create', challenge, origin, crossOrigin: false }
  const data = Buffer.from(registration.authenticatorData, 'base64url')
  const response = {
    clientDataJSON: base64url(Buffer.from(JSON.stringify(client))),
    attestationObject: base64url(attestationObject(data)),
  }
  const type = 'public-key' as const
  return verifyRegistrationResponse({
    response: { id, rawId: id, type, clientExtensionResults: {}, response },
    ...{ expectedChallenge: challenge, expectedOrigin: origin, expectedRPID: rpId },
    supportedAlgorithmIDs: [-7],
  })
}

/** The verdict of that library. */
async function theirs(assertion: ReturnType<typeof passkey.assert>, maker = passkey) {
  const { registrationInfo } = await registrationOf(maker)
  if (!registrationInfo) throw new Error('the registration is refused')
  const { id, ...response } = assertion
  const type = 'public-key' as const
  return verifyAuthenticationResponse({
    response: { id, rawId: id, type, clientExtensionResults: {}, response },
    ...{ expectedChallenge: challenge, expectedOrigin: origin, expectedRPID: rpId },
    credential: registrationInfo.credential,
  }).then(
    ({ verified }) => verified,
    () => false,
  )
}

/** Ours. */
function ours(assertion: ReturnType<typeof passkey.assert>, maker = passkey): boolean {
  const own = readNewPasskey(maker.registration)
  const read = signatures.readAssertion(assertion)
  if (isRefusal(own) || !read) return false
  const rpIdHash = createHash('sha256').update(rpId).digest('base64url')
  const fault = checkAssertion(read, { origin, rpIdHash, challenge, passkey: own.facts })
  return fault === undefined && signatures.verifyAssertion(read, own.publicJwk)
}

describe('both agree about', () => {
  test.each([false, true])('a registration (synced: %s)', async (isSynced) => {
    const maker = aSoftwarePasskey({ origin, synced: isSynced })
    const { registrationInfo } = await registrationOf(maker)
    expect(registrationInfo).toMatchObject({
      ...{ fmt: 'none', credentialBackedUp: isSynced },
      credentialDeviceType: isSynced ? 'multiDevice' : 'singleDevice',
    })
  })

  test.each<[string, boolean, Untruth]>([
    ['an honest one', true, {}],
    ['another type', false, { client: { type: 'webauthn.create' } }],
    ['another text', false, { client: { challenge: 'AAAA' } }],
    ['another origin', false, { origin: 'https://evil.example' }],
    ['another RP ID', false, { rpId: 'example.com' }],
    ['one without a touch', false, { flags: flags.uv }],
    ['one without biometrics or PIN', false, { flags: flags.up }],
    ['a copy that must not be', false, { flags: flags.up | flags.uv | flags.bs }],
    ['bytes behind the counter', false, { more: Buffer.alloc(1) }],
  ])('an assertion: %s', async (_, holds, untruth) => {
    const assertion = passkey.assert(challenge, untruth)
    expect(ours(assertion)).toBe(holds)
    expect(await theirs(assertion)).toBe(holds)
  })

  test('an assertion of another key under the id of this', async () => {
    const assertion = aSoftwarePasskey({ origin }).assert(challenge, { id: passkey.id })
    expect(ours(assertion)).toBe(false)
    expect(await theirs(assertion)).toBe(false)
  })
})

describe('an assertion', () => {
  test('whose signature is in the form of JWS does not hold', () => {
    const assertion = passkey.assert(challenge)
    const read = signatures.readAssertion(assertion)
    const key = { key: passkey.pair.privateKey, dsaEncoding: 'ieee-p1363' } as const
    const signature = base64url(sign('sha256', read?.signedBytes ?? Buffer.alloc(0), key))
    expect(ours({ ...assertion, signature })).toBe(false)
  })

  test.each<[string, (der: Buffer) => Buffer]>([
    ['has a byte behind it', (der) => Buffer.concat([der, Buffer.alloc(1)])],
    ['is cut', (der) => der.subarray(0, -1)],
    [
      'spells its length in two bytes',
      (der) => Buffer.concat([Buffer.from([0x30, 0x81]), der.subarray(1)]),
    ],
    ['is empty', () => Buffer.alloc(0)],
    ['is no DER', () => Buffer.alloc(72, 0x30)],
  ])('whose signature %s does not hold', (_, spoil) => {
    const assertion = passkey.assert(challenge)
    const signature = base64url(spoil(Buffer.from(assertion.signature, 'base64url')))
    expect(ours({ ...assertion, signature })).toBe(false)
  })

  test('holds for no key that is not on the curve', () => {
    const read = signatures.readAssertion(passkey.assert(challenge))
    if (!read) throw new Error('it can be read')
    const { x } = passkey.publicJwk
    const key = { ...passkey.publicJwk, y: x }
    expect(signatures.verifyAssertion(read, key)).toBe(false)
  })

  test.each(['authenticatorData', 'clientDataJSON', 'signature'] as const)(
    'cannot be read with %s in another spelling',
    (name) => {
      const assertion = passkey.assert(challenge)
      expect(
        signatures.readAssertion({ ...assertion, [name]: `${assertion[name]}=` }),
      ).toBeUndefined()
    },
  )
})
