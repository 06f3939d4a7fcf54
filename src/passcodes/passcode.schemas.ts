import { z } from 'zod'
import { binding } from '../challenges/challenge.schemas.ts'
import { askedInitiator } from '../challenges/initiator.schemas.ts'
import { recoveryCodesPerSet, temporaryCodeSeconds } from '../domain/passcode.ts'
import { passcodeMethod } from '../platform/http/schemas/enumerations.ts'
import { shownJws } from '../platform/http/schemas/text.ts'
import { timestamp } from '../platform/http/schemas/time.ts'

export const givenPasscode = z
  .strictObject({
    code: z.string().min(1).max(128).meta({
      description: 'As it was typed: a passcode, a recovery code or a temporary code.',
      example: '492039',
    }),
    binding,
    initiator: askedInitiator.exactOptional(),
  })
  .meta({ id: 'GivenPasscode', description: 'A code that a user typed.' })

export const acceptedPasscodeBody = z
  .object({
    method: passcodeMethod.meta({ description: 'What kind of code it was.' }),
    recoveryCodesLeft: z.uint32().meta({ example: 10 }),
    result: shownJws('`passcode-result+jwt`, readable this once.'),
  })
  .meta({ id: 'AcceptedPasscode', description: 'The user typed a code that was accepted.' })

export const otherFactorsBody = z
  .object({
    otherFactors: z
      .array(passcodeMethod)
      .readonly()
      .meta({ description: 'What the user can be asked for, the best first.' }),
    passcodeDevices: z.uint32().meta({ description: 'Active devices that show passcodes.' }),
    recoveryCodesLeft: z.uint32().meta({ example: 10 }),
    temporaryCodeExpiresAt: timestamp('When the temporary code expires.').nullable(),
  })
  .meta({ id: 'OtherFactors', description: 'What a user has in addition to the push.' })

export const newRecoveryCodes = z
  .strictObject({})
  .meta({ id: 'NewRecoveryCodes', description: 'No member is needed; `{}` is enough.' })

export const recoveryCodesBody = z
  .object({
    codes: z
      .array(z.string())
      .readonly()
      .meta({
        description: `${recoveryCodesPerSet} codes, each valid for one sign-in.`,
        example: ['7K3Q-M9TX-2R8B-0VWD'],
      }),
  })
  .meta({ id: 'RecoveryCodes', description: 'New recovery codes, readable this once.' })

export const newTemporaryCode = z
  .strictObject({
    ttlSeconds: z
      .int()
      .min(temporaryCodeSeconds.min)
      .max(temporaryCodeSeconds.max)
      .default(temporaryCodeSeconds.usual)
      .meta({ description: 'How long it is valid.' }),
  })
  .meta({ id: 'NewTemporaryCode', description: 'How long it is to be valid; `{}` is enough.' })

export const temporaryCodeBody = z
  .object({
    code: z.string().meta({ example: '7K3Q-M9TX-2R8B-0VWD' }),
    expiresAt: timestamp('When it expires.'),
  })
  .meta({ id: 'TemporaryCode', description: 'A code for one sign-in, readable this once.' })
