// Public keys of devices, passkeys and their assertions, as devices send them.

import { z } from 'zod'
import { assertionBytesMax } from '../../domain/assertion.ts'
import { coordinateExamples } from '../../tenants/public-key.schemas.ts'

// 32 bytes in base64url: the last character carries four bits, the rest are zero. One key must have
// one spelling, because its thumbprint is over the text (RFC 7638) and a key may be registered once
// only.
const coordinate = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/)

export const publicKey = z
  .strictObject({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: coordinate.meta({ example: coordinateExamples.x }),
    y: coordinate.meta({ example: coordinateExamples.y }),
  })
  .meta({ id: 'DevicePublicKey', description: 'A P-256 public key as a JWK, these members only.' })

const base64urlText = (description: string, lengthMax: number, example: string) =>
  z
    .string()
    .regex(new RegExp(`^[A-Za-z0-9_-]{1,${lengthMax}}$`))
    .meta({ description, example })
const authenticatorDataExample = 'SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAA'
// A credential id has at most 1,023 bytes (Web Authentication Level 3, section 4).
const credentialId = base64urlText('The id of the passkey.', 1364, 'AAECAwQFBgcICQoLDA0ODw')

export const passkey = z
  .strictObject({
    kind: z.literal('webauthn'),
    id: credentialId,
    publicKey: base64urlText(
      'SubjectPublicKeyInfo in DER, as `getPublicKey()` returns it: ES256 on P-256.',
      2048,
      'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE',
    ),
    authenticatorData: base64urlText(
      'As `getAuthenticatorData()` returns it at registration.',
      4096,
      authenticatorDataExample,
    ),
  })
  .meta({
    id: 'NewPasskey',
    description: 'A new passkey of a browser; binary values in base64url.',
  })

const assertionPart = (description: string, example: string) =>
  base64urlText(description, assertionBytesMax, example)
export const assertion = z
  .strictObject({
    id: credentialId,
    authenticatorData: assertionPart('As the browser returned it.', authenticatorDataExample),
    clientDataJSON: assertionPart('The same.', 'eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0'),
    signature: assertionPart('The same, in DER.', 'MEUCIQC7aBlSyHBhXLxRz8VBT6ZtGm'),
  })
  .refine(
    (texts) => JSON.stringify(texts).length <= assertionBytesMax,
    `must have at most ${assertionBytesMax} bytes`,
  )
  .meta({
    id: 'PasskeyAssertion',
    description:
      'An assertion by the passkey of the device, whose challenge is the SHA-256 of the signed ' +
      'text (`header.payload`); binary values in base64url.',
  })
