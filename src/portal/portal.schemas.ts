import { z } from 'zod'
import { listedChallenge } from '../challenges/challenge.schemas.ts'
import { deviceDescription } from '../devices/device.schemas.ts'
import { personalReasons } from '../domain/device.ts'
import { idOf, shownId } from '../platform/http/schemas/ids.ts'
import { pageBody } from '../platform/http/schemas/paging.ts'
import { shownText } from '../platform/http/schemas/text.ts'
import { timestamp } from '../platform/http/schemas/time.ts'

export const portalLinkBody = z
  .object({
    id: shownId('portalSession', 'Identifies the link in activities; it is no credential.'),
    url: z.string().meta({
      description: 'Give it to the user, and to nobody else.',
      example: 'https://countersign.example/t/tnt_01jv9z3k8we2tvn4qh6yrx7b5c/me/<43 characters>',
    }),
    expiresAt: timestamp('When the link expires.'),
  })
  .meta({ id: 'PortalLink', description: 'A link that works once.' })

export const openedLink = z
  .strictObject({
    tenantId: idOf('tenant', 'The tenant in the path of the link.'),
    token: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}$/)
      .meta({
        description: 'The last part of the link.',
        example: 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg',
      }),
  })
  .meta({ id: 'OpenedPortalLink', description: 'The parts of a link.' })

export const portalUserBody = z
  .object({
    user: z.object({ id: shownId('user', 'The user.'), displayName: shownText('Ada Lovelace') }),
    tenant: z.object({ id: shownId('tenant', 'The tenant.'), name: shownText('Example Group') }),
    expiresAt: timestamp('When the session ends.'),
  })
  .meta({ id: 'PortalUser', description: 'The user of a portal session.' })

export const portalUnregistration = z
  .strictObject({ reason: z.enum(personalReasons) })
  .meta({ id: 'PortalUnregistration', description: 'Why the device is unregistered.' })

export const deviceRenaming = z
  .strictObject({ name: deviceDescription.name })
  .meta({ id: 'DeviceRenaming', description: 'What the user calls the device from now on.' })

export const typedCode = z
  .strictObject({
    code: z.string().min(1).max(128).meta({
      description: 'As it was typed: a passcode, a recovery code or a temporary code.',
      example: '492039',
    }),
  })
  .meta({ id: 'TypedCode', description: 'A code that the user typed.' })

export const portalVerificationBody = z
  .object({
    recoveryCodesLeft: z.uint32().meta({ example: 10 }),
    verifiedUntil: timestamp('Until when what takes a second factor may be done.'),
  })
  .meta({ id: 'PortalVerification', description: 'A code was accepted in this session.' })

const portalChallengeBody = listedChallenge
  .pick({
    id: true,
    status: true,
    reason: true,
    context: true,
    createdAt: true,
    expiresAt: true,
    decidedAt: true,
    decidedDeviceId: true,
  })
  .meta({ id: 'PortalChallenge', description: 'A sign-in that the user was asked about.' })

export const portalChallengePage = pageBody(
  portalChallengeBody,
  'PortalChallengePage',
  'Sign-ins, newest first.',
)

export const newPortalEnrollment = z
  .strictObject({
    replacesDeviceId: idOf(
      'device',
      'A device of the user that is unregistered when the new one becomes active.',
    )
      .nullable()
      .exactOptional(),
  })
  .meta({ id: 'NewPortalEnrollment', description: 'What becomes of the old phone; `{}` keeps it.' })

const recoveryCodeSet = 'The set of recovery codes, used or not; null when there is none.'

export const portalFactorsBody = z
  .object({
    passcodeDevices: z.uint32().meta({ description: 'Active devices that show passcodes.' }),
    recoveryCodesLeft: z.uint32().meta({ example: 10 }),
    temporaryCodeExpiresAt: timestamp('When the temporary code expires.').nullable(),
    recoveryCodeSet: shownId('singleUseCode', recoveryCodeSet).nullable(),
  })
  .meta({ id: 'PortalFactors', description: 'What the user has beside the push.' })

export const newPortalRecoveryCodes = z
  .strictObject({
    insteadOf: idOf(
      'singleUseCode',
      `\`recoveryCodeSet\` as it was read. ${recoveryCodeSet}`,
    ).nullable(),
  })
  .meta({
    id: 'NewPortalRecoveryCodes',
    description: 'Which set the new one replaces: a call that is sent twice makes one set.',
  })

export const erasureRequestBody = z
  .object({ requestedAt: timestamp('When it was first asked for.') })
  .meta({ id: 'ErasureRequest', description: 'The organisation decides about it.' })
