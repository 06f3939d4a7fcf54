import { z } from 'zod'
import { voidReasons } from '../domain/enrollment.ts'
import { enrollmentStatus } from '../platform/http/schemas/enumerations.ts'
import { idOf, shownId } from '../platform/http/schemas/ids.ts'
import { timestamp } from '../platform/http/schemas/time.ts'
import { wait } from '../platform/http/waiting.ts'
import { displayName, userReference } from '../users/user.schemas.ts'

const replacesDeviceId = idOf(
  'device',
  'A device of the user that is unregistered when the new one becomes active.',
).exactOptional()

const parentDeviceId = idOf(
  'device',
  'The device of the user whose companion (a watch) the new one becomes; it ends with it.',
).exactOptional()

export const newEnrollment = z
  .strictObject({
    user: userReference,
    displayName: displayName.exactOptional().meta({
      description:
        'Creates the user under this name when the identifier is new; without it an ' +
        'unknown user is refused.',
    }),
    replacesDeviceId,
    parentDeviceId,
  })
  .meta({
    id: 'NewEnrollment',
    description: 'The user whose device is to be enrolled.',
    example: { user: 'ada@example.com', displayName: 'Ada Lovelace' },
  })

export const newEnrollmentOfUser = z.strictObject({ replacesDeviceId, parentDeviceId }).meta({
  id: 'NewEnrollmentOfUser',
  description: 'How the device is to be enrolled; `{}` is enough.',
})

export const nextEnrollment = z
  .strictObject({
    replacesDeviceId: idOf('device', 'A device of the user.')
      .nullable()
      .exactOptional()
      .meta({
        description:
          'The device of the user that is unregistered when the new one becomes active: ' +
          'the calling one unless said otherwise, none with null.',
      }),
    companion: z
      .boolean()
      .exactOptional()
      .meta({
        description:
          'The new device becomes a companion (a watch) of the calling one and ends with ' +
          'it; nothing is replaced then unless said.',
      }),
  })
  .meta({ id: 'NextEnrollment', description: 'What happens to the old phone; `{}` is enough.' })

/** How a page, or an old phone, follows an enrollment. */
export const enrollmentWait = z.strictObject({
  wait: wait.default(0),
  after: enrollmentStatus.exactOptional().meta({
    description:
      'Wait only while the status is this one; without it, while it is the one at the ' +
      'time of the call.',
  }),
})

export const openedEnrollmentBody = z
  .object({
    id: shownId('enrollment', 'The enrollment.'),
    userId: shownId('user', 'The user of the new device.'),
    status: enrollmentStatus,
    code: z
      .string()
      .meta({ description: 'To be typed together with the user name.', example: '7K3QM-9TX2R' }),
    uri: z.string().meta({
      description: 'What the QR code holds, for the scanner of the app.',
      example:
        'https://countersign.example/t/tnt_01jv9z3k8we2tvn4qh6yrx7b5c/enroll#<43 characters>',
    }),
    qrSvg: z.string().meta({ description: 'The QR code as an SVG picture.', example: '<svg …>' }),
    expiresAt: timestamp('When the code expires.'),
    confirmationRequired: z
      .boolean()
      .meta({ description: 'Whether the number must be typed on the new device.' }),
  })
  .meta({
    id: 'OpenedEnrollment',
    description: 'A new enrollment with its codes, which are readable this once.',
  })

export const enrollmentBody = z
  .object({
    id: shownId('enrollment', 'The enrollment.'),
    userId: shownId('user', 'The user of the new device.'),
    status: enrollmentStatus,
    reason: z.enum(voidReasons).exactOptional().meta({ description: 'Why it is void.' }),
    number: z.string().exactOptional().meta({
      description: 'While claimed: show it on the page, for the person to type on the new device.',
      example: '483920',
    }),
    wrongNumbersLeft: z.uint32(),
    deviceId: shownId('device', 'The device that claimed it.').nullable(),
    createdAt: timestamp('When it was opened.'),
    expiresAt: timestamp('When it expires.'),
    claimedAt: timestamp('When a device claimed it.').nullable(),
    endedAt: timestamp('When it ended.').nullable(),
  })
  .meta({ id: 'Enrollment', description: 'A one-time ticket that lets one device join one user.' })
