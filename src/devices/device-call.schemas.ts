// Bodies of the device API.

import { z } from 'zod'
import { keyRoles, workingStatuses } from '../domain/device.ts'
import { confirmationDigits } from '../domain/enrollment.ts'
import { pushEnvironments } from '../domain/push.ts'
import { endpointLengthMax, isP256Point, isPushEndpoint } from '../domain/push-subscription.ts'
import { plainTypedText } from '../domain/typed-text.ts'
import { challengeStatus, platform } from '../platform/http/schemas/enumerations.ts'
import { idOf, shownId } from '../platform/http/schemas/ids.ts'
import { languageTag } from '../platform/http/schemas/language.ts'
import { mobileAppId } from '../platform/http/schemas/mobile-app-id.ts'
import {
  identifierLengthMax,
  identifierText,
  jws,
  shownJws,
  shownText,
} from '../platform/http/schemas/text.ts'
import { timestamp } from '../platform/http/schemas/time.ts'
import { wait } from '../platform/http/waiting.ts'
import { shownKeyMembers } from '../tenants/public-key.schemas.ts'
import { deviceDescription } from './device.schemas.ts'
import { assertion, passkey, publicKey } from './keys/keys.schemas.ts'

const environment = z
  .enum(pushEnvironments)
  .default('production')
  .meta({ description: "Which of Apple's two environments issued the token; APNs only." })

// 65 bytes in base64url: the last character carries four bits.
const curvePoint = z
  .string()
  .regex(/^[A-Za-z0-9_-]{86}[AEIMQUYcgkosw048]$/)
  .refine((text) => isP256Point(Buffer.from(text, 'base64url')), 'must be a point of P-256')
  .meta({
    example:
      'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
  })

const pushAddress = z
  .discriminatedUnion('provider', [
    z.strictObject({
      provider: z.literal('apns'),
      token: z
        .string()
        .regex(/^[0-9A-Fa-f]{16,256}$/)
        .meta({ example: '740f4707bebcf74f9b7c25d48e335894' }),
      environment,
    }),
    z.strictObject({
      provider: z.literal('fcm'),
      token: z
        .string()
        .regex(/^[A-Za-z0-9_:.%-]{16,4096}$/)
        .meta({ example: 'bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1' }),
      environment,
    }),
    z.strictObject({
      provider: z.literal('web_push'),
      endpoint: z
        .string()
        .max(endpointLengthMax)
        .refine(isPushEndpoint, 'must be an https address as a push service gave it')
        .meta({
          description:
            'At one of the push services that the server allows: https, port 443, in the ' +
            'spelling of `PushSubscription`.',
          example: 'https://updates.push.services.mozilla.com/wpush/v2/gAAAAABn',
        }),
      keys: z.strictObject({
        p256dh: curvePoint.meta({ description: "The browser's key, an uncompressed P-256 point." }),
        auth: z
          .string()
          .regex(/^[A-Za-z0-9_-]{21}[AQgw]$/)
          .meta({ description: '16 bytes in base64url.', example: 'BTBZMqHH6r4Tts7J_aSIgg' }),
      }),
      vapidKey: curvePoint
        .meta({
          description:
            'The `applicationServerKey` that the browser subscribed under; by default the ' +
            'current one (GET /device/v1/web-push-key).',
        })
        .exactOptional(),
    }),
  ])
  .meta({ id: 'PushAddress', description: 'Where pushes to this app installation go.' })

// A certificate of at most 4 KiB, an attestation object of at most 16 KiB, in base64url.
const certificate = z
  .string()
  .regex(/^[A-Za-z0-9_-]{16,5462}$/)
  .meta({ example: 'MIICjDCCAjKgAwIBAgIB' })
const certificateChain = z.array(certificate).min(1).max(10)

const attestation = z
  .discriminatedUnion('format', [
    z.strictObject({
      format: z.literal('android_key'),
      possession: certificateChain.meta({
        description: "Certificates of the possession key's chain in DER, the key's own first.",
      }),
      verification: certificateChain
        .meta({ description: 'The same for the verification key.' })
        .exactOptional(),
    }),
    z.strictObject({
      format: z.literal('apple_app_attest'),
      object: z
        .string()
        .regex(/^[A-Za-z0-9_-]{16,21846}$/)
        .meta({
          description: 'The attestation object of `DCAppAttestService.attestKey`.',
          example: 'o2NmbXRvYXBwbGUtYXBw',
        }),
    }),
  ])
  .meta({
    id: 'AttestationStatement',
    description: 'What the maker of the phone says of the keys; binary values in base64url.',
  })

export const enrollmentClaim = z
  .strictObject({
    tenantId: idOf('tenant', 'The tenant named in the QR code.'),
    code: z.string().min(10).max(128).meta({
      description: 'The 43 characters that were scanned, or the 10 that were typed.',
      example: '7K3QM-9TX2R',
    }),
    user: identifierText(identifierLengthMax, {
      description: 'The user name as typed; needed with a typed code.',
      example: 'ada@example.com',
    }).exactOptional(),
    appId: mobileAppId,
    device: z.strictObject({
      ...deviceDescription,
      platform,
      language: languageTag.exactOptional(),
    }),
    keys: z.strictObject({
      possession: publicKey,
      verification: z.union([publicKey, passkey]).exactOptional(),
    }),
    proofs: z.strictObject({
      possession: jws('`device-claim+jwt`, signed by the possession key.'),
      verification: z
        .union([
          jws('`device-claim+jwt`, signed by the verification key.'),
          assertion.meta({ description: 'Of a passkey: over the proof of the possession key.' }),
        ])
        .exactOptional(),
    }),
    push: pushAddress.exactOptional(),
    attestation: attestation.exactOptional(),
  })
  .refine(
    ({ keys, proofs }) => (keys.verification === undefined) === (proofs.verification === undefined),
    {
      message: 'each key needs its proof, and each proof its key',
      path: ['proofs', 'verification'],
    },
  )
  .meta({
    id: 'EnrollmentClaim',
    description: 'A new device with its keys, and the proofs that it holds them.',
  })

export const claimedBody = z
  .object({
    deviceId: shownId('device', 'The new device.'),
    userId: shownId('user', 'The user it belongs to.'),
    status: z.enum(workingStatuses),
    issuer: shownText(
      'https://countersign.example/t/tnt_01jv9z3k8we2tvn4qh6yrx7b5c',
      '`iss` of requests, `aud` of what the device signs.',
    ),
    tenant: z.object({ id: shownId('tenant', 'The tenant.'), name: shownText('Example Group') }),
    user: z.object({ id: shownId('user', 'The user.'), displayName: shownText('Ada Lovelace') }),
    keySet: z
      .object({
        seq: z.uint32().meta({ example: 1 }),
        keys: z.array(z.object(shownKeyMembers)).readonly(),
      })
      .meta({ description: 'To be pinned; followed by GET /device/v1/keyset.' }),
    confirmation: z
      .object({ digits: z.uint32().meta({ example: confirmationDigits }) })
      .nullable()
      .meta({ description: 'The number to be typed next; null when none is asked.' }),
    passcode: z
      .object({
        secret: shownText(
          'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
          'In base32 (RFC 4648), without padding.',
        ),
        algorithm: z.literal('SHA256'),
        digits: z.uint32().meta({ example: 6 }),
        period: z.uint32().meta({ description: 'Seconds.', example: 30 }),
      })
      .nullable()
      .meta({
        description:
          'What passcodes are computed from (RFC 6238), shown only once; null when the ' +
          'tenant allows none.',
      }),
  })
  .meta({ id: 'ClaimedEnrollment', description: 'What a new device gets.' })

export const confirmation = z
  .strictObject({
    number: z
      .string()
      .max(64)
      .overwrite(plainTypedText)
      .regex(new RegExp(`^[0-9]{${confirmationDigits}}$`))
      .meta({
        description:
          'The number on the page of the relying party; digits of other scripts, spaces ' +
          'and dashes are accepted.',
        example: '483920',
      }),
  })
  .meta({ id: 'EnrollmentConfirmation', description: 'The number as the person typed it.' })

export const confirmedBody = z
  .object({ status: z.literal('active') })
  .meta({ id: 'ConfirmedDevice', description: 'The device is active from this moment.' })

export const pendingWait = z.strictObject({
  wait: wait.default(0),
  after: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/)
    .exactOptional()
    .meta({
      description:
        'Wait only while the pending challenges are those of this `state`; without it, while ' +
        'there are none.',
      example: '47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU',
    }),
})

export const pendingBody = z
  .object({
    items: z
      .array(
        z.object({
          id: shownId('challenge', 'The challenge.'),
          request: shownJws('`approval-request+jwt`: what to ask.'),
          returnUrl: shownText(
            'https://bank.example.com/signed-in',
            'Where to offer to go after the answer; not signed, so that a request of version 2 ' +
              'counts in its place. Show its origin, and open it only by https.',
          ).exactOptional(),
        }),
      )
      .readonly(),
    state: shownText(
      '47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU',
      'Which challenges these are: what `after` of the next call waits to differ from.',
    ),
    serverTime: timestamp('The time of the service, to evaluate `exp` with.'),
  })
  .meta({
    id: 'PendingChallenges',
    description: 'The pending challenges of the device, newest first.',
  })

export const givenAnswer = z
  .strictObject({
    answer: jws('`approval-response+jwt`: approve, deny or report.'),
    assertion: assertion.exactOptional(),
  })
  .meta({ id: 'GivenAnswer', description: 'The signed answer of the device.' })

export const answeredBody = z
  .object({ status: challengeStatus.meta({ example: 'approved' }) })
  .meta({ id: 'AnsweredChallenge', description: 'The status of the challenge after the answer.' })

export const pushTokenChange = z
  .strictObject({ push: pushAddress.nullable() })
  .meta({ id: 'PushTokenChange', description: 'The new push address; null removes it.' })

export const keyRotation = z
  .strictObject({
    role: z.enum(keyRoles).meta({ description: 'Which of its keys the device replaces.' }),
    key: publicKey,
    proof: jws('`device-key+jwt`, signed by the new key.'),
  })
  .meta({ id: 'KeyRotation', description: 'A new key, and the proof that the device holds it.' })

export const keySetLinks = z
  .object({ links: z.array(shownJws('A `keyset+jwt`.')).readonly() })
  .meta({
    id: 'KeySetLinks',
    description: '`keyset+jwt`s, oldest first: each leads to the next key set.',
  })
