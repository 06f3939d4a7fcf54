// What a phone signs, at the least cost: load generator and service share the machine, and
// WebCrypto takes twice the processor time of node:crypto. test/bench compares it with
// clients/device.

import { hash, KeyObject, randomBytes, sign } from 'node:crypto'
import type { DeviceAccount } from '../clients/device/src/account.ts'
import type { DeviceKey } from '../clients/device/src/keys.ts'

/** A device's key, and the signed objects' headers under it, encoded once. */
export type LeanKey = {
  readonly privateKey: KeyObject
  readonly proofHeader: string
  readonly answerHeader: string
}

type Account = Pick<DeviceAccount, 'issuer' | 'deviceId' | 'tenant' | 'user'>

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** The key must be extractable. */
export function leanKeyOf({ privateKey, kid }: DeviceKey): LeanKey {
  return {
    privateKey: KeyObject.from(privateKey),
    proofHeader: encode({ alg: 'ES256', typ: 'device-proof+jwt', kid }),
    answerHeader: encode({ alg: 'ES256', typ: 'approval-response+jwt', kid }),
  }
}

function signCompact(key: KeyObject, header: string, payload: object): string {
  const input = `${header}.${encode(payload)}`
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

function newJti(): string {
  return randomBytes(16).toString('base64url')
}

/** The `Device-Proof` of one call; `url` with origin and query, `nowSeconds` since the epoch. */
export function proveCall(
  { privateKey, proofHeader }: LeanKey,
  { tenant, deviceId }: Account,
  call: { readonly method: string; readonly url: string; readonly body?: string },
  nowSeconds: number,
): string {
  return signCompact(privateKey, proofHeader, {
    tid: tenant.id,
    did: deviceId,
    htm: call.method,
    htu: call.url,
    iat: nowSeconds,
    jti: newJti(),
    ...(call.body !== undefined && { bh: hash('sha256', call.body, 'base64url') }),
  })
}

/**
 * Approves a request with the number, signed by the verification key. The request is not verified:
 * verification is the phone's cost.
 */
export function signApproval(
  { privateKey, answerHeader }: LeanKey,
  { deviceId, user, issuer }: Account,
  request: { readonly jws: string; readonly challengeId: string; readonly number: string },
  nowSeconds: number,
): string {
  const signingInput = request.jws.slice(0, request.jws.lastIndexOf('.'))
  const payload = Buffer.from(signingInput.slice(signingInput.indexOf('.') + 1), 'base64url')
  const { nonce } = JSON.parse(payload.toString()) as { readonly nonce: string }
  return signCompact(privateKey, answerHeader, {
    iss: deviceId,
    sub: user.id,
    aud: issuer,
    jti: newJti(),
    iat: nowSeconds,
    exp: nowSeconds + 60,
    cid: request.challengeId,
    nonce,
    rqh: hash('sha256', signingInput, 'base64url'),
    dec: 'approve',
    num: request.number,
    uv: true,
  })
}
