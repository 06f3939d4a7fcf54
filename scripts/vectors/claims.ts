// The claim of an enrollment: one proof by each key that the new device introduces.

import {
  type Expected,
  headerOf,
  iat,
  issuer,
  keys,
  ok,
  other,
  refusal,
  sha256,
  signJson,
  type TestKey,
  withTailBits,
} from './world.ts'

export const claimTyp = 'device-claim+jwt'
export const scannedCode = 'dmVjdG9yLWNvZGUtb2YtMzItYnl0ZXMtMDAwMDAwMDE'

/** Codes as users type them and cameras read them, and the form that both sides hash. */
export const codes = [
  { given: scannedCode, kind: 'scanned', code: scannedCode, hash: sha256(scannedCode) },
  ...[
    '7K3QM-9TX2R',
    '7k3qm9tx2r',
    ' 7K3QM 9TX2R ',
    '7K3QM\u00a0\u2013 9TX2R',
    '\u201c7K3QM\u22129TX2R\u201d',
    '\u200e7K3QM\u00ad9TX2R\u200f',
    '\u0667k\u0663qm.\u0669tx\u0662r',
    '\uff17K\u{1d7db}QM-\u096fTX2R',
  ].map((input) => ({
    given: input,
    kind: 'typed',
    code: '7K3QM9TX2R',
    hash: sha256('7K3QM9TX2R'),
  })),
  { given: 'OoIiL-l0123', kind: 'typed', code: '0011110123', hash: sha256('0011110123') },
  ...[
    '',
    '7K3QM-9TX2',
    '7K3QM-9TX2RX',
    '7K3QM-9TX2U',
    '7K3QM+9TX2R',
    '7\u041a3QM-9TX2R',
    scannedCode.slice(1),
  ].map((input) => ({
    given: input,
    kind: null,
  })),
]

type Jwk = { readonly kty: string; readonly crv: string; readonly x: string; readonly y: string }

export type ClaimVector = {
  readonly name: string
  readonly code: string
  readonly keys: { readonly possession: Jwk; readonly verification?: Jwk }
  readonly proofs: { readonly possession: string; readonly verification?: string }
  readonly expected: Expected
  /** Of a service from before versions; left out where it is the same. */
  readonly expectedOfVersion1?: Expected
}

const { possession, verification, stranger } = keys
const jwks = { possession: possession.jwk, verification: verification.jwk }

function payload(code: string, changes: Readonly<Record<string, unknown>> = {}) {
  const plain = codes.find(({ given }) => given === code)
  const hash = plain && 'hash' in plain ? plain.hash : ''
  const jti = 'dmVjdG9yLWNsYWltLTAwMQ'
  return { aud: issuer, ch: hash, pk: possession.kid, vk: verification.kid, iat, jti, ...changes }
}

function prove(
  key: TestKey,
  changes: Readonly<Record<string, unknown>> = {},
  code = scannedCode,
): string {
  return signJson(key, headerOf(claimTyp, key), payload(code, changes))
}

function claim(
  name: string,
  expectedOutcome: Expected,
  changes: Partial<ClaimVector> = {},
): ClaimVector {
  const proofs = { possession: prove(possession), verification: prove(verification) }
  return { name, code: scannedCode, keys: jwks, proofs, expected: expectedOutcome, ...changes }
}

/** Both proofs with the same fault. */
function faulty(
  name: string,
  expectedOutcome: Expected,
  changes: Readonly<Record<string, unknown>>,
): ClaimVector {
  return claim(name, expectedOutcome, {
    proofs: { possession: prove(possession, changes), verification: prove(verification, changes) },
  })
}

const malformedProof = refusal('proof_malformed')
const invalid = (wrong?: string) => refusal('proof_invalid', wrong)
const noKey = refusal('invalid_request')
const alone = { vk: undefined }
const typedCode = '7k3qm9tx2r'

export const claimVectors: readonly ClaimVector[] = [
  claim('two keys, a scanned code', ok),
  claim('a typed code: the hash is over its plain spelling', ok, {
    code: typedCode,
    proofs: {
      possession: prove(possession, {}, typedCode),
      verification: prove(verification, {}, typedCode),
    },
  }),
  claim('a possession key alone: no vk', ok, {
    keys: { possession: possession.jwk },
    proofs: { possession: prove(possession, alone) },
  }),
  ...([1, 2, 1000] as const).map((protocolVersion) => ({
    ...faulty(`protocol version ${protocolVersion}`, ok, { protocolVersion }),
    expectedOfVersion1: malformedProof,
  })),
  ...([0, -1, 1001, 1.5, '2', null, [2]] as const).map((protocolVersion) => ({
    ...faulty(`protocol version ${JSON.stringify(protocolVersion)}`, noKey, { protocolVersion }),
    expectedOfVersion1: malformedProof,
  })),
  {
    ...claim('two proofs of different versions', invalid('protocolVersion'), {
      proofs: {
        possession: prove(possession, { protocolVersion: 2 }),
        verification: prove(verification),
      },
    }),
    expectedOfVersion1: malformedProof,
  },
  faulty('another tenant', invalid('aud'), { aud: issuer.replace(/.$/, '0') }),
  faulty('the origin as audience', invalid('aud'), { aud: new URL(issuer).origin }),
  faulty('hash of another code', invalid('ch'), { ch: sha256('another') }),
  faulty('the code itself instead of its hash', invalid('ch'), { ch: scannedCode }),
  faulty('another possession key', invalid('pk'), { pk: stranger.kid }),
  faulty('another verification key', invalid('vk'), { vk: stranger.kid }),
  faulty('vk left out though there is such a key', invalid('vk'), alone),
  claim('vk given though there is no such key', invalid('vk'), {
    keys: { possession: possession.jwk },
    proofs: { possession: prove(possession) },
  }),
  claim('each proof by the other key', invalid('kid'), {
    proofs: { possession: prove(verification), verification: prove(possession) },
  }),
  claim('a key introduced by somebody who does not hold it', invalid(), {
    proofs: {
      possession: signJson(stranger, headerOf(claimTyp, possession), payload(scannedCode)),
      verification: prove(verification),
    },
  }),
  claim('one proof missing', malformedProof, { proofs: { possession: prove(possession) } }),
  faulty('a member we do not know', malformedProof, { sub: `usr_${other}` }),
  faulty('no jti', malformedProof, { jti: undefined }),
  faulty('61 seconds behind', refusal('clock_skew'), { iat: iat - 61 }),
  faulty('11 seconds ahead', refusal('clock_skew'), { iat: iat + 11 }),
  claim('a device proof in its place', malformedProof, {
    proofs: {
      possession: signJson(
        possession,
        headerOf('device-proof+jwt', possession),
        payload(scannedCode),
      ),
      verification: prove(verification),
    },
  }),
  claim('one key in both roles', refusal('key_already_registered'), {
    keys: { possession: possession.jwk, verification: possession.jwk },
    proofs: {
      possession: prove(possession, { vk: possession.kid }),
      verification: prove(possession, { vk: possession.kid }),
    },
  }),
  claim('a point that is not on the curve', noKey, {
    keys: { ...jwks, possession: { ...possession.jwk, y: possession.jwk.x } },
  }),
  claim('another curve', noKey, {
    keys: { ...jwks, possession: { ...possession.jwk, crv: 'P-384' } },
  }),
  claim('a coordinate with unused bits set', noKey, {
    keys: { ...jwks, possession: { ...possession.jwk, x: withTailBits(possession.jwk.x) } },
  }),
]
