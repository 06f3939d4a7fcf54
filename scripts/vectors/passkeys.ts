// Passkeys of browsers: registrations, assertions, and the texts that they confirm.

import { createHash, sign } from 'node:crypto'
import { answerTyp, approve } from './answers.ts'
import { claimTyp, scannedCode } from './claims.ts'
import {
  base64url,
  type Expected,
  headerOf,
  iat,
  issuer,
  keys,
  ok,
  origin,
  refusal,
  sha256,
  signJson,
  type TestKey,
} from './world.ts'

const { possession, verification, passkey: ownKey, stranger } = keys
const rpId = new URL(origin).hostname
const flag = { up: 1, uv: 4, be: 8, bs: 16, at: 64, ed: 128 } as const
const verifiedFlags = flag.up | flag.uv
const hashOf = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest()
const idBytes = hashOf('countersign test vectors: credential').subarray(0, 16)
const id = base64url(idBytes)
const bytesOf = (text: string) => Buffer.from(text, 'base64url')

type Head = { readonly flags?: number; readonly rpId?: string; readonly more?: Uint8Array }

function authenticatorData({ flags = verifiedFlags, rpId: own = rpId, more }: Head): Buffer {
  return Buffer.concat([hashOf(own), Buffer.from([flags, 0, 0, 0, 0]), more ?? Buffer.alloc(0)])
}

const spkiOf = ({ jwk }: TestKey) =>
  Buffer.concat([
    Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex'),
    ...[bytesOf(jwk.x), bytesOf(jwk.y)],
  ])

/** AAGUID of zeros, length and id, COSE_Key. */
const attestedOf = ({ jwk }: TestKey, algorithm = '26') =>
  Buffer.concat([
    ...[Buffer.alloc(16), Buffer.from([0, idBytes.length]), idBytes],
    ...[Buffer.from(`a5010203${algorithm}2001215820`, 'hex'), bytesOf(jwk.x)],
    ...[Buffer.from('225820', 'hex'), bytesOf(jwk.y)],
  ])

const registeredFlags = flag.at | verifiedFlags
const data = (head: Head, key = ownKey) =>
  base64url(authenticatorData({ flags: registeredFlags, more: attestedOf(key), ...head }))

/** The passkey of the vectors. */
export const passkey = {
  kid: ownKey.kid,
  origin,
  rpId,
  id,
  publicKey: base64url(spkiOf(ownKey)),
  authenticatorData: data({}),
}

const registration = (name: string, expectedOutcome: Expected, changes: object = {}) => {
  const { publicKey, authenticatorData: own } = passkey
  return {
    name,
    key: { id, publicKey, authenticatorData: own, ...changes },
    expected: expectedOutcome,
  }
}
const unfit = refusal('invalid_request')
const flagsOf = (backupEligible: boolean, backedUp: boolean) =>
  ({ ok: true, backupEligible, backedUp }) as const

export const passkeyVectors = [
  registration('one that stays on its device', flagsOf(false, false)),
  registration('one that may be copied', flagsOf(true, false), {
    authenticatorData: data({ flags: registeredFlags | flag.be }),
  }),
  registration('one that is copied', flagsOf(true, true), {
    authenticatorData: data({ flags: registeredFlags | flag.be | flag.bs }),
  }),
  registration('outputs of extensions', flagsOf(false, false), {
    authenticatorData: data({
      flags: registeredFlags | flag.ed,
      more: Buffer.concat([attestedOf(ownKey), Buffer.from('a0', 'hex')]),
    }),
  }),
  registration('a copy of one that must not be copied', unfit, {
    authenticatorData: data({ flags: registeredFlags | flag.bs }),
  }),
  registration('another id', unfit, { id: 'AAAA' }),
  registration('another key in the authenticator data', unfit, {
    authenticatorData: data({}, stranger),
  }),
  registration('another algorithm in the authenticator data', unfit, {
    authenticatorData: data({ more: attestedOf(ownKey, '27') }),
  }),
  registration('no credential in the authenticator data', unfit, {
    authenticatorData: data({ flags: verifiedFlags, more: Buffer.alloc(0) }),
  }),
  registration('bytes that no flag announces', unfit, {
    authenticatorData: data({ more: Buffer.concat([attestedOf(ownKey), Buffer.alloc(1)]) }),
  }),
  registration('a key of RS256', unfit, {
    publicKey: 'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA',
  }),
]

type Lie = Head & {
  readonly key?: TestKey
  readonly client?: Readonly<Record<string, unknown>>
  readonly id?: string
}

/** An assertion over the signed part of this text. */
function assertionOver(jws: string, { key = ownKey, client, id: ownId = id, ...head }: Lie = {}) {
  const challenge = sha256(jws.slice(0, jws.lastIndexOf('.')))
  const members = { type: 'webauthn.get', challenge, origin, crossOrigin: false, ...client }
  const clientDataJSON = Buffer.from(JSON.stringify(members))
  const own = authenticatorData(head)
  const signedBytes = Buffer.concat([own, hashOf(clientDataJSON)])
  return {
    id: ownId,
    authenticatorData: base64url(own),
    clientDataJSON: base64url(clientDataJSON),
    signature: base64url(sign('sha256', signedBytes, key.privateKey)),
  }
}

const byPasskey = { uv: 'webauthn', vk: ownKey.kid }
const answer = (changes: object = {}, key: TestKey = possession) =>
  signJson(key, headerOf(answerTyp, key), { ...approve, ...byPasskey, ...changes })
const text = answer()
const other = answer({ jti: 'dmVjdG9yLWFuc3dlci0wMg' })
const why = (fault: string): Expected => ({
  refused: 'answer_invalid',
  claim: 'assertion',
  why: fault,
})
const invalid = (claim: string) => refusal('answer_invalid', claim)
const approval = { ok: true, status: 'approved' } as const

type Sent = { readonly jws?: string; readonly assertion?: object | null }

const vector = (name: string, expectedOutcome: Expected, { jws = text, assertion }: Sent = {}) => ({
  name,
  jws,
  assertion: assertion === undefined ? assertionOver(jws) : assertion,
  expected: expectedOutcome,
})
const lying = (name: string, fault: string, lie: Lie) =>
  vector(name, why(fault), { assertion: assertionOver(text, lie) })

export const passkeyAnswerVectors = [
  vector('approve, confirmed by the passkey', approval),
  vector(
    'a deny, confirmed by the passkey',
    { ok: true, status: 'denied' },
    {
      jws: answer({ dec: 'deny', num: undefined }),
    },
  ),
  vector('members of the client data that are not known', approval, {
    assertion: assertionOver(text, { client: { other_keys_can_be_added_here: 'x' } }),
  }),
  vector('an assertion over another answer', why('challenge'), { assertion: assertionOver(other) }),
  lying('another type', 'type', { client: { type: 'webauthn.create' } }),
  lying('another origin', 'origin', { client: { origin: 'https://evil.example' } }),
  lying('a frame of another site', 'cross_origin', { client: { crossOrigin: true } }),
  lying('a site around it', 'cross_origin', { client: { topOrigin: 'https://evil.example' } }),
  lying('another RP ID', 'rp_id', { rpId: 'example.com' }),
  lying('no touch', 'user_presence', { flags: flag.uv }),
  lying('neither biometrics nor PIN', 'user_verification', { flags: flag.up }),
  lying('one that may be copied by now', 'backup_eligibility', { flags: verifiedFlags | flag.be }),
  lying('bytes behind the counter', 'malformed', { more: Buffer.alloc(1) }),
  lying('outputs of extensions', 'extra_data', {
    flags: verifiedFlags | flag.ed,
    more: Buffer.from('a0', 'hex'),
  }),
  lying('the id of another passkey', 'credential', { id: 'AAAA' }),
  lying('another key', 'signature', { key: stranger }),
  vector('no assertion', invalid('assertion'), { assertion: null }),
  vector('an assertion that nobody asked for', invalid('assertion'), {
    jws: answer({ dec: 'deny', num: undefined, uv: false, vk: undefined }),
  }),
  vector('uv true under the possession key', invalid('uv'), {
    jws: answer({ uv: true, vk: undefined }),
  }),
  vector('another passkey', invalid('vk'), { jws: answer({ vk: verification.kid }) }),
  vector('an answer that the passkey has signed itself', invalid('kid'), {
    ...{ jws: answer({ uv: true, vk: undefined }, ownKey), assertion: null },
  }),
  vector('no passkey named', refusal('answer_malformed'), { jws: answer({ vk: undefined }) }),
  vector('a passkey named beside uv true', refusal('answer_malformed'), {
    jws: answer({ uv: true }),
  }),
  vector('a passkey that is no thumbprint', refusal('answer_malformed'), {
    jws: answer({ vk: 'x' }),
  }),
]

const claimText = (changes: object = {}) =>
  signJson(possession, headerOf(claimTyp, possession), {
    ...{ aud: issuer, ch: sha256(scannedCode), pk: possession.kid, vk: ownKey.kid, iat },
    ...{ jti: 'dmVjdG9yLWNsYWltLTAwMg', ...changes },
  })

const claim = (
  name: string,
  expectedOutcome: Expected,
  proof: string,
  assertion: object | string,
) => ({
  name,
  code: scannedCode,
  proofs: { possession: proof, verification: assertion },
  expected: expectedOutcome,
})
const badProof = (fault: string): Expected => ({
  ...{ refused: 'proof_invalid', claim: 'assertion', why: fault },
})
const proofText = claimText()

/** Claims with the passkey above, and what proves it. */
export const passkeyClaimVectors = [
  claim('a passkey', ok, proofText, assertionOver(proofText)),
  claim(
    'the proof names another key',
    refusal('proof_invalid', 'vk'),
    claimText({ vk: stranger.kid }),
    assertionOver(proofText),
  ),
  claim(
    'the assertion is over another text',
    badProof('challenge'),
    proofText,
    assertionOver(text),
  ),
  claim(
    'the passkey is not held',
    badProof('signature'),
    proofText,
    assertionOver(proofText, { key: stranger }),
  ),
  claim(
    'neither biometrics nor PIN',
    badProof('user_verification'),
    proofText,
    assertionOver(proofText, { flags: flag.up }),
  ),
  claim('a signed text in its place', refusal('proof_malformed'), proofText, proofText),
]
