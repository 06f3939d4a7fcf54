// The challenge of an attestation, and the client data hash of App Attest.

import { createHash } from 'node:crypto'
import { codes } from './claims.ts'
import { issuer, keys, sha256 } from './world.ts'

type Role = 'possession' | 'verification'

function attestationVector(name: string, code: string, roles: readonly Role[]) {
  const codeHash = sha256(code)
  const challenge = sha256(`countersign-attestation\n${issuer}\n${codeHash}`)
  const clientDataHash = createHash('sha256').update(Buffer.from(challenge, 'base64url'))
  for (const role of roles) clientDataHash.update(Buffer.from(keys[role].kid, 'base64url'))
  return {
    name,
    code,
    codeHash,
    keys: roles,
    challenge,
    clientDataHash: clientDataHash.digest('base64url'),
  }
}

const plainOf = (kind: 'scanned' | 'typed') =>
  codes.flatMap((one) => ('code' in one && one.kind === kind ? [one.code] : []))[0] ?? ''

export const attestationVectors = [
  attestationVector('scanned code, both keys', plainOf('scanned'), ['possession', 'verification']),
  attestationVector('typed code, possession key only', plainOf('typed'), ['possession']),
]
