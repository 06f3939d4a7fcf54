// Converts a call of an Auth API client into a question: untrusted texts become texts that can be
// shown.

import { isIP } from 'node:net'
import type { z } from 'zod'
import { initiatorOf } from '../../challenges/initiator.schemas.ts'
import { unseenFactor } from '../../domain/auth-api-factor.ts'
import type { ChallengeContext } from '../../domain/challenge-context.ts'
import type { Initiator } from '../../domain/initiator.ts'
import { showablePart } from '../../domain/text.ts'
import type { NamedUser } from '../find-at-door.ts'
import type { ShownQuestion } from './ask-as-shown.ts'
import { readForm } from './auth-api.guard.ts'
import type { authParams } from './auth-api.schemas.ts'
import { decisionOf } from './auth-api-answers.http.ts'
import type { Preauthentication } from './preauthenticate.ts'

/** Pairs of a client that are shown at most, in addition to the host. */
const fieldsMax = 8
const labelLengthMax = 64
const valueLengthMax = 256

type Person = {
  readonly username: string
  readonly user_id: string
  readonly ipaddr: string
  readonly hostname: string
}

/** The person, and where they sign in: equal for two calls about one sign-in. */
export function personOf({ username, user_id, ipaddr, hostname }: Person): {
  readonly user: NamedUser
  readonly address: string
  readonly host: string
  readonly initiator?: Initiator
} {
  const initiator = isIP(ipaddr) === 0 ? undefined : initiatorOf({ ip: ipaddr })
  return {
    user: username === '' && user_id !== '' ? { id: user_id } : { name: username },
    address: ipaddr,
    host: hostname,
    ...(initiator && { initiator }),
  }
}

/** What the person is shown on the phone, as far as it can be shown. */
function contextOf(params: z.output<typeof authParams>): ShownQuestion['context'] {
  const pairs = [
    ['Host', params.hostname],
    ['User name', params.display_username],
    ...(readForm(params.pushinfo) ?? []),
  ] as const
  const fields: NonNullable<ChallengeContext['fields']> = pairs
    .flatMap(([name, text]) => {
      const label = showablePart(name, labelLengthMax)
      const value = showablePart(text, valueLengthMax)
      return label === undefined || value === undefined ? [] : [{ label, value }]
    })
    .slice(0, fieldsMax)
  return {
    action: showablePart(params.type, 140) ?? 'Sign in',
    ...(isIP(params.ipaddr) !== 0 && { ip: params.ipaddr }),
    ...(fields.length > 0 && { fields }),
  }
}

/** The question, with the number that the client showed. */
export function shownQuestionOf(
  params: z.output<typeof authParams>,
): Omit<ShownQuestion, 'deviceIds' | 'requiresOffer'> {
  return { ...personOf(params), shownNumber: params.txid, context: contextOf(params) }
}

/** The prompt for a person at a terminal, and the factor of each choice. */
function promptOf(offer: Preauthentication, name: string) {
  const { user, devices, codes, shownNumber, cannotAsk } = offer
  const userName = showablePart(name, 64) ?? user.id
  if (devices.length === 0) {
    const why = cannotAsk === null ? '' : `${decisionOf(cannotAsk).status_msg}\n\n`
    return { text: `Sign in as ${userName}\n\n${why}Code: `, factors: { default: unseenFactor } }
  }
  const typing = shownNumber ? ` and type ${shownNumber.number} there` : ''
  const lines = [
    `Sign in as ${userName}`,
    '',
    ` 1. Approve on your phone${typing}`,
    '',
    codes ? 'Code or option (1): ' : 'Option (1): ',
  ]
  // Clients without a terminal need a default; nobody is asked before they have seen the number.
  const factors = { '1': 'push1', default: shownNumber === null ? 'push1' : unseenFactor }
  return { text: lines.join('\n'), factors }
}

/** What the client may offer the person. */
export function offerOf(
  offer: Preauthentication,
  { username, isPrompting }: { readonly username: string; readonly isPrompting: boolean },
) {
  const { devices, codes, shownNumber } = offer
  return {
    result: 'auth' as const,
    status_msg: 'The account is active.',
    devices: devices.map(({ deviceId, name }) => ({
      device: deviceId,
      type: 'phone' as const,
      name: showablePart(name, 64) ?? '',
      display_name: showablePart(name, 64) ?? 'Phone',
      number: '',
      capabilities: ['auto', 'push', ...(codes ? ['mobile_otp'] : [])],
    })),
    ...(shownNumber && {
      txid: shownNumber.id,
      verification_code: shownNumber.number,
      expiration: Math.floor(shownNumber.expiresAt.getTime() / 1000),
    }),
    ...(isPrompting && { prompt: promptOf(offer, username) }),
  }
}
