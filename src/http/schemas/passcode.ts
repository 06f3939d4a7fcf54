import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import { recoveryCodesPerSet, temporaryCodeSeconds } from '../../domain/passcode.ts'
import type { GivenInitiator } from '../../domain/passcode-budget.ts'
import { binding } from './challenge.ts'
import { timestamp } from './time.ts'

const methods = ['passcode', 'recovery_code', 'temporary_code'] as const

const ipv4PrefixBits = 24
const ipv6PrefixBits = 48

/** The network of an address: its IPv4 /24 or IPv6 /48, in one spelling. */
function networkOf(ip: string): string {
  const address = ipaddr.process(ip)
  const bits = address.kind() === 'ipv4' ? ipv4PrefixBits : ipv6PrefixBits
  const network =
    address.kind() === 'ipv4'
      ? ipaddr.IPv4.networkAddressFromCIDR(`${address}/${bits}`)
      : ipaddr.IPv6.networkAddressFromCIDR(`${address}/${bits}`)
  return `${network.toNormalizedString()}/${bits}`
}

const initiator = z
  .strictObject({
    browserId: z
      .string()
      .regex(/^[\x21-\x7e]{8,128}$/)
      .exactOptional()
      .meta({
        description:
          'An id that the relying party keeps in the browser for long; never one that a stranger can choose.',
        example: 'b7c1f0a4d2',
      }),
    ip: z
      .union([z.ipv4(), z.ipv6()])
      .exactOptional()
      .meta({ description: 'Where the request came from; counts where there is no browser.' }),
  })
  .meta({
    description:
      'Who tries. Failures are counted for each; without it, for the relying party as a whole, so that an outsider can use up the tries of the user.',
  })

/** The initiator as the rules know it. */
export function initiatorOf({ browserId, ip }: z.output<typeof initiator>): GivenInitiator {
  return {
    ...(browserId !== undefined && { browserId }),
    ...(ip !== undefined && { network: networkOf(ip) }),
  }
}

export const givenPasscode = z
  .strictObject({
    code: z.string().min(6).max(40).meta({
      description: 'As it was typed: a passcode, a recovery code or a temporary code.',
      example: '492039',
    }),
    binding,
    initiator: initiator.exactOptional(),
  })
  .meta({ id: 'GivenPasscode', description: 'A code that a user typed.' })

export const acceptedPasscodeBody = z
  .object({
    method: z.enum(methods).meta({ description: 'What kind of code it was.' }),
    recoveryCodesLeft: z.uint32(),
    result: z.string().meta({ description: '`passcode-result+jwt`, readable this once.' }),
  })
  .meta({ id: 'AcceptedPasscode', description: 'The user typed a code that was accepted.' })

export const otherFactorsBody = z
  .object({
    otherFactors: z
      .array(z.enum(methods))
      .readonly()
      .meta({ description: 'What the user can be asked for, the best first.' }),
    passcodeDevices: z.uint32().meta({ description: 'Active devices that show passcodes.' }),
    recoveryCodesLeft: z.uint32(),
    temporaryCodeExpiresAt: timestamp('When the temporary code runs out.').nullable(),
  })
  .meta({ id: 'OtherFactors', description: 'What a user has beside the push.' })

export const newRecoveryCodes = z
  .strictObject({})
  .meta({ id: 'NewRecoveryCodes', description: 'Nothing needs to be said; `{}` will do.' })

export const recoveryCodesBody = z
  .object({
    codes: z
      .array(z.string())
      .readonly()
      .meta({
        description: `${recoveryCodesPerSet} codes, each good for one sign-in.`,
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
      .meta({ description: 'How long it is good.' }),
  })
  .meta({ id: 'NewTemporaryCode', description: 'How long it is to be good; `{}` will do.' })

export const temporaryCodeBody = z
  .object({
    code: z.string().meta({ example: '7K3Q-M9TX-2R8B-0VWD' }),
    expiresAt: timestamp('When it runs out.'),
  })
  .meta({ id: 'TemporaryCode', description: 'A code for one sign-in, readable this once.' })
