import { describe, expect, test } from 'vitest'
import { browserAppId, type DeviceKey } from '../../src/domain/device.ts'
import {
  checkBrowser,
  checkPasskey,
  checkSynced,
  isRefusedPasskey,
  readNewPasskey,
} from '../../src/domain/passkey.ts'
import { aSoftwarePasskey } from '../support/software-passkey.ts'

const origin = 'https://push.example.com'
const passkey = aSoftwarePasskey({ origin })
const { registration } = passkey
const data = Buffer.from(registration.authenticatorData, 'base64url')

/** The registration with this authenticator data. */
const withData = (bytes: Uint8Array) =>
  readNewPasskey({ ...registration, authenticatorData: Buffer.from(bytes).toString('base64url') })
/** Its authenticator data with one byte changed. */
function changedData(at: number, to: (byte: number) => number): Buffer {
  const bytes = Buffer.from(data)
  bytes[at] = to(bytes[at] as number)
  return bytes
}
const idAt = 37 + 18
const inconsistent = {
  refused: 'invalid_request',
  hint: 'id, publicKey and authenticatorData must be those of one new passkey.',
}

describe('a new passkey is read', () => {
  test('with its key, its id and the flags of its authenticator', () => {
    expect(readNewPasskey(registration)).toEqual({
      publicJwk: passkey.publicJwk,
      facts: { credentialId: registration.id, backupEligible: false, backedUp: false },
    })
    const syncedPasskey = aSoftwarePasskey({ origin, synced: true })
    expect(readNewPasskey(syncedPasskey.registration)).toMatchObject({
      facts: { backupEligible: true, backedUp: true },
    })
  })

  test('with outputs of extensions, which some authenticators add unasked', () => {
    const extendedData = Buffer.concat([
      changedData(32, (flags) => flags | 0x80),
      Buffer.from([0xa0]),
    ])
    expect(withData(extendedData)).toMatchObject({ publicJwk: passkey.publicJwk })
  })
})

describe('a new passkey is refused', () => {
  test('unless its key is ES256, by a text that says so', () => {
    const rs256 = 'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA'
    const spki = Buffer.from(registration.publicKey, 'base64url')
    const short = spki.subarray(0, -3).toString('base64url')
    const long = Buffer.concat([spki, Buffer.alloc(3)]).toString('base64url')
    const loose = `${registration.publicKey.slice(0, -1)}_`
    for (const publicKey of ['', rs256, short, long, loose]) {
      const refusal = readNewPasskey({ ...registration, publicKey })
      expect(refusal).toMatchObject({ refused: 'invalid_request' })
      expect(JSON.stringify(refusal)).toMatch(/ES256.*RS256/)
    }
  })

  test.each<[string, Parameters<typeof withData>[0]]>([
    ['is cut within its head', data.subarray(0, 36)],
    ['is empty', Buffer.alloc(0)],
    ['introduces no credential', changedData(32, (flags) => flags & ~0x40).subarray(0, 37)],
    ['is cut within the credential', data.subarray(0, -1)],
    ['has an id of no byte', changedData(37 + 17, () => 0)],
    ['has an id that is longer than any', changedData(37 + 16, () => 0x10)],
    ['names another id', changedData(idAt, (byte) => byte ^ 1)],
    ['has another algorithm', changedData(idAt + 16 + 4, () => 0x27)],
    ['has no y', changedData(idAt + 16 + 10 + 32, () => 0x23)],
    ['has another x', changedData(idAt + 16 + 10, (byte) => byte ^ 1)],
    ['has another y', changedData(data.length - 1, (byte) => byte ^ 1)],
    ['has bytes that no flag announces', Buffer.concat([data, Buffer.from([0xa0])])],
    ['announces extensions that it has not', changedData(32, (flags) => flags | 0x80)],
    ['is copied although it must not be', changedData(32, (flags) => flags | 0x10)],
  ])('when its authenticator data %s', (_, bytes) => {
    expect(withData(bytes)).toEqual(inconsistent)
  })

  test('when its id is of 1,024 bytes or more', () => {
    const long = (length: number) => {
      const id = Buffer.alloc(length, 7)
      const before = changedData(37 + 16, () => length >> 8).subarray(0, idAt)
      before[37 + 17] = length & 0xff
      const bytes = Buffer.concat([before, id, data.subarray(idAt + 16)])
      const authenticatorData = bytes.toString('base64url')
      return readNewPasskey({ ...registration, id: id.toString('base64url'), authenticatorData })
    }
    expect(long(1023)).toMatchObject({ publicJwk: passkey.publicJwk })
    expect(long(1024)).toEqual(inconsistent)
  })

  test('when its authenticator data is no base64url', () => {
    expect(readNewPasskey({ ...registration, authenticatorData: '!' })).toEqual(inconsistent)
  })

  test('when its id is spelled otherwise', () => {
    expect(readNewPasskey({ ...registration, id: `${registration.id}=` })).toEqual(inconsistent)
  })
})

describe('a passkey that may be copied', () => {
  test('counts, unless the tenant accepts none', () => {
    const syncedPasskey = { credentialId: 'x', backupEligible: true, backedUp: false }
    const refusal = { refused: 'passkey_synced' }
    expect(checkSynced(syncedPasskey, { syncedPasskeys: 'refused' })).toEqual(refusal)
    expect(checkSynced(syncedPasskey, { syncedPasskeys: 'allowed' })).toBeUndefined()
    const boundPasskey = { ...syncedPasskey, backupEligible: false }
    expect(checkSynced(boundPasskey, { syncedPasskeys: 'refused' })).toBeUndefined()
    const { publicJwk, kid } = passkey
    const key: DeviceKey = { role: 'verification', kid, publicJwk, passkey: syncedPasskey }
    expect(checkPasskey([key], { syncedPasskeys: 'refused' })).toEqual(refusal)
    expect(
      checkPasskey([{ role: 'possession', kid, publicJwk }], { syncedPasskeys: 'refused' }),
    ).toBeUndefined()
    const policy = { syncedPasskeys: 'refused' } as const
    expect(isRefusedPasskey({ passkey: syncedPasskey }, policy)).toBe(true)
    expect(isRefusedPasskey({ passkey: boundPasskey }, policy)).toBe(false)
    expect(isRefusedPasskey({ passkey: null }, policy)).toBe(false)
  })
})

describe('what is in a browser says so:', () => {
  const refusal = {
    refused: 'invalid_request',
    hint: 'The app countersign.web and passkeys are for the platform web alone.',
  }
  test.each([
    ['web', browserAppId, true, undefined],
    ['web', 'com.example.app', true, undefined],
    ['ios', 'com.example.app', false, undefined],
    ['ios', 'com.example.app', true, refusal],
    ['other', browserAppId, false, refusal],
  ] as const)('%s, %s, with a passkey: %s', (platform, appId, hasPasskey, outcome) => {
    expect(checkBrowser({ platform, appId }, hasPasskey)).toEqual(outcome)
  })
})
