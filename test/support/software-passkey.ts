// An authenticator in software: real registrations and assertions of Web Authentication Level 3,
// made with node:crypto alone. It says whatever a test wants it to say.

import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { Assertion, UnverifiedAssertion } from '../../src/domain/assertion.ts'
import type { PublicJwk } from '../../src/domain/device.ts'
import type { NewPasskey } from '../../src/domain/passkey.ts'

const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest()
const base64url = (bytes: Uint8Array | string) => Buffer.from(bytes).toString('base64url')

/** UP and UV, of which an honest browser sends both; BE, BS, AT and ED. */
export const flags = { up: 0x01, uv: 0x04, be: 0x08, bs: 0x10, at: 0x40, ed: 0x80 } as const
const verifiedFlags = flags.up | flags.uv

/** What an assertion says in place of the truth. */
export type Untruth = {
  readonly origin?: string
  readonly rpId?: string
  readonly flags?: number
  readonly counter?: number
  readonly client?: Readonly<Record<string, unknown>>
  /** After the counter. */
  readonly more?: Uint8Array
  readonly id?: string
}

function head(rpId: string, flagBits: number, counter: number): Buffer {
  const count = Buffer.alloc(4)
  count.writeUInt32BE(counter)
  return Buffer.concat([sha256(rpId), Buffer.from([flagBits]), count])
}

/** COSE_Key of ES256. */
function coseKey({ x, y }: PublicJwk): Buffer {
  const before = Buffer.from('a5010203262001215820', 'hex')
  const coordinates = [x, y].map((text) => Buffer.from(text, 'base64url'))
  return Buffer.concat([
    ...[before, coordinates[0] as Buffer],
    ...[Buffer.from('225820', 'hex'), coordinates[1] as Buffer],
  ])
}

/** A new passkey for the authenticator at this origin. */
export function aSoftwarePasskey({
  origin,
  rpId = new URL(origin).hostname,
  synced = false,
}: {
  readonly origin: string
  readonly rpId?: string
  readonly synced?: boolean
}) {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicJwk = pair.publicKey.export({ format: 'jwk' }) as PublicJwk
  const { kty, crv, x, y } = publicJwk
  const kid = base64url(sha256(JSON.stringify({ crv, kty, x, y })))
  const idBytes = randomBytes(16)
  const backup = synced ? flags.be | flags.bs : 0
  const spki = createPublicKey({ key: publicJwk, format: 'jwk' }).export({
    format: 'der',
    type: 'spki',
  })
  const registeredData = Buffer.concat([
    ...[head(rpId, verifiedFlags | backup | flags.at, 0), Buffer.alloc(16)],
    ...[Buffer.from([0, idBytes.length]), idBytes, coseKey(publicJwk)],
  ])
  const id = base64url(idBytes)
  const registration: NewPasskey = {
    id,
    publicKey: base64url(spki),
    authenticatorData: base64url(registeredData),
  }

  /** What `navigator.credentials.get()` returns for this challenge. */
  function assert(challenge: string, untruth: Untruth = {}): Assertion {
    const client = {
      type: 'webauthn.get',
      challenge,
      origin: untruth.origin ?? origin,
      crossOrigin: false,
      ...untruth.client,
    }
    const clientDataJSON = Buffer.from(JSON.stringify(client))
    const flagBits = untruth.flags ?? verifiedFlags | backup
    const authenticatorData = Buffer.concat([
      head(untruth.rpId ?? rpId, flagBits, untruth.counter ?? 0),
      untruth.more ?? Buffer.alloc(0),
    ])
    const signedBytes = Buffer.concat([authenticatorData, sha256(clientDataJSON)])
    return {
      id: untruth.id ?? id,
      authenticatorData: base64url(authenticatorData),
      clientDataJSON: base64url(clientDataJSON),
      signature: base64url(sign('sha256', signedBytes, pair.privateKey)),
    }
  }
  return { kid, id, publicJwk: { kty, crv, x, y }, registration, assert, pair }
}

/** The parts of an assertion, as the service reads them. */
export function partsOf(assertion: Assertion): UnverifiedAssertion {
  const bytes = (text: string) => Buffer.from(text, 'base64url')
  const authenticatorData = bytes(assertion.authenticatorData)
  const client = bytes(assertion.clientDataJSON)
  return {
    credentialId: assertion.id,
    clientData: JSON.parse(client.toString()),
    authenticatorData,
    signedBytes: Buffer.concat([authenticatorData, sha256(client)]),
    signature: bytes(assertion.signature),
  }
}

/** base64url SHA-256 of the part of a compact JWS that is signed. */
export const signedHashOf = (jws: string) => base64url(sha256(jws.slice(0, jws.lastIndexOf('.'))))
