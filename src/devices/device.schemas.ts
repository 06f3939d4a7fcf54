import { z } from 'zod'
import { attestationFaults, attestationLevels, attestationVerdicts } from '../domain/attestation.ts'
import { givenReasons, unregisterReasons } from '../domain/device.ts'
import { versionBounds } from '../domain/protocol-version.ts'
import { deviceUnaskedReasons } from '../domain/readiness.ts'
import { deviceStatus, platform, suspensionStatus } from '../platform/http/schemas/enumerations.ts'
import { shownId } from '../platform/http/schemas/ids.ts'
import { languageTag, shownLanguage } from '../platform/http/schemas/language.ts'
import { showable, shownText } from '../platform/http/schemas/text.ts'
import { givenTime, timestamp } from '../platform/http/schemas/time.ts'

const examples = { name: "Ada's phone", model: 'Pixel 9', osVersion: '16', appVersion: '3.1.0' }

const deviceName = showable(64, {
  description: 'What the user calls the device.',
  example: examples.name,
})

/** What a device reports about itself. */
export const deviceDescription = {
  name: deviceName,
  model: showable(64, { description: 'The model.', example: examples.model }),
  osVersion: showable(32, {
    description: 'The version of the operating system.',
    example: examples.osVersion,
  }),
  appVersion: showable(32, {
    description: 'The version of the app.',
    example: examples.appVersion,
  }),
}

export const deviceChanges = z
  .strictObject({
    name: deviceDescription.name.exactOptional(),
    model: deviceDescription.model.exactOptional(),
    osVersion: deviceDescription.osVersion.exactOptional(),
    appVersion: deviceDescription.appVersion.exactOptional(),
    protocolVersion: z.int().min(versionBounds.min).max(versionBounds.max).exactOptional().meta({
      description: 'The newest version of the protocol it speaks; only rises.',
      example: 2,
    }),
    language: languageTag.exactOptional(),
  })
  .refine((changes) => Object.keys(changes).length > 0, 'must change something')
  .meta({ id: 'DeviceChanges', description: 'What is new about the device.' })

export const changedDevice = z
  .strictObject({
    name: deviceName.exactOptional(),
    status: suspensionStatus.exactOptional().meta({
      description:
        'A suspended device keeps its keys, is asked nothing, and may be made active again.',
    }),
  })
  .refine((changes) => Object.keys(changes).length > 0, 'must change something')
  .meta({ id: 'ChangedDevice', description: 'What is to be different about the device.' })

export const unregistration = z
  .strictObject({
    reason: z.enum(givenReasons),
  })
  .meta({
    id: 'Unregistration',
    description: 'Why the device is unregistered.',
    example: { reason: 'lost' },
  })

const attestation = z
  .object({
    level: z.enum(attestationLevels).meta({
      description:
        'Where the keys are, as far as the maker vouches for it; `app_attest` vouches ' +
        'for the app that made them.',
    }),
    verdict: z.enum(attestationVerdicts),
    why: z.enum(attestationFaults).nullable().meta({
      description: 'What made it invalid.',
      example: null,
    }),
  })
  .meta({
    id: 'DeviceAttestation',
    description:
      'What the attestation at enrollment showed; it is never repeated, and ends when a key is ' +
      'replaced.',
  })

export const deviceBody = z
  .object({
    id: shownId('device', 'The device.'),
    userId: shownId('user', 'The user of the device.'),
    status: deviceStatus.meta({ example: 'active' }),
    name: shownText(examples.name),
    platform: platform.meta({ example: 'android' }),
    model: shownText(examples.model),
    osVersion: shownText(examples.osVersion),
    appId: shownText('com.example.auth'),
    appVersion: shownText(examples.appVersion),
    protocolVersion: z.int().meta({
      description: 'The newest version of the device protocol that its app speaks.',
      example: 2,
    }),
    language: shownLanguage,
    parentDeviceId: z
      .string()
      .nullable()
      .meta({ description: 'The device whose companion (a watch) this is; it ends with it.' }),
    hasPushToken: z.boolean().meta({ example: true }),
    hasVerificationKey: z.boolean().meta({
      description: 'Whether it can have the person verified by biometrics or PIN.',
      example: true,
    }),
    passkey: z
      .object({
        backupEligible: z.boolean().meta({
          description: 'Its platform may copy it to other devices (BE).',
          example: true,
        }),
        backedUp: z.boolean().meta({ description: 'It has done so (BS).', example: true }),
      })
      .nullable()
      .meta({
        description:
          'The verification key of a browser, as its authenticator described it at enrollment; ' +
          'nobody vouches for that. Null where there is none.',
      }),
    attestation,
    createdAt: timestamp('When it claimed its enrollment.'),
    activatedAt: timestamp('When it was confirmed.').nullable(),
    lastSeenAt: timestamp('When it last called; not exact.').nullable(),
    unregisteredAt: timestamp('When it was unregistered.').nullable().meta({ example: null }),
    unregisterReason: z.enum(unregisterReasons).nullable().meta({ example: null }),
    suspendedAt: timestamp('Since when it is suspended.').nullable().meta({ example: null }),
  })
  .meta({
    id: 'Device',
    description: 'An app installation with its own keys. It stays on record permanently.',
  })

export const ownDeviceBody = z
  .object({
    ...deviceBody.shape,
    mayAnswer: z.boolean().meta({
      description:
        "Whether the tenant's policy lets it be asked; a relying party may ask for more.",
      example: true,
    }),
    whyNot: z
      .enum(deviceUnaskedReasons)
      .nullable()
      .meta({ description: 'Why it is not asked; null when it is.', example: null }),
  })
  .meta({ id: 'OwnDevice', description: 'The calling device.' })

export const deviceList = z
  .object({ items: z.array(deviceBody).readonly() })
  .meta({ id: 'Devices', description: 'Devices, newest first.' })

export const unregistrationByTime = z
  .strictObject({
    from: givenTime('Devices registered at this time or later,'),
    to: givenTime('and before this time, which must not be in the future.'),
    reason: z.enum(givenReasons).extract(['lost', 'stolen', 'admin']),
  })
  .meta({ id: 'UnregistrationByTime', description: 'Which devices are unregistered, and why.' })

export const unregisteredByTimeBody = z
  .object({
    unregistered: z.uint32().meta({ description: 'Devices that this call unregistered.' }),
    users: z.uint32().meta({ description: 'Users whose devices they were.' }),
    more: z.boolean().meta({ description: 'True: make the same call again for the rest.' }),
  })
  .meta({ id: 'UnregisteredByTime', description: 'What one call did.' })
