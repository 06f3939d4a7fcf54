// From what a client of the Auth API sends to what is asked: texts of strangers become texts that can be shown.

import { isIP } from 'node:net'
import type { z } from 'zod'
import { unseenFactor } from '../domain/auth-api-factor.ts'
import type { ChallengeContext } from '../domain/challenge.ts'
import type { Initiator } from '../domain/initiator.ts'
import { showablePart } from '../domain/text.ts'
import type { ShownQuestion } from '../usecases/doors/ask-as-shown.ts'
import type { NamedUser } from '../usecases/doors/find-at-door.ts'
import type { Preauthentication } from '../usecases/doors/preauthenticate.ts'
import { decisionOf } from './auth-api-answers.ts'
import { readForm } from './plugins/auth-api.ts'
import type { authParams } from './schemas/auth-api.ts'
import { initiatorOf } from './schemas/initiator.ts'

/** Pairs of a client that are shown at most, beside the host. */
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
export function whoOf({ username, user_id, ipaddr, hostname }: Person): {
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
function contextOf(asked: z.output<typeof authParams>): ShownQuestion['context'] {
  const pairs = [
    ['Host', asked.hostname],
    ['User name', asked.display_username],
    ...(readForm(asked.pushinfo) ?? []),
  ] as const
  const fields: NonNullable<ChallengeContext['fields']> = pairs
    .flatMap(([name, text]) => {
      const label = showablePart(name, labelLengthMax)
      const value = showablePart(text, valueLengthMax)
      return label === undefined || value === undefined ? [] : [{ label, value }]
    })
    .slice(0, fieldsMax)
  return {
    action: showablePart(asked.type, 140) ?? 'Sign in',
    ...(isIP(asked.ipaddr) !== 0 && { ip: asked.ipaddr }),
    ...(fields.length > 0 && { fields }),
  }
}

/** The question, with the number that the client showed. */
export function shownQuestionOf(
  asked: z.output<typeof authParams>,
): Omit<ShownQuestion, 'deviceIds'> {
  return { ...whoOf(asked), shownNumber: asked.txid, context: contextOf(asked) }
}

/** The text at which a person at a terminal chooses, and what their choices stand for. */
function promptOf(offered: Preauthentication, name: string) {
  const { user, devices, codes, shown, cannotAsk } = offered
  const who = showablePart(name, 64) ?? user.id
  if (devices.length === 0) {
    const why = cannotAsk === null ? '' : `${decisionOf(cannotAsk).status_msg}\n\n`
    return { text: `Sign in as ${who}\n\n${why}Code: `, factors: { default: unseenFactor } }
  }
  const typing = shown ? ` and type ${shown.number} there` : ''
  const lines = [
    `Sign in as ${who}`,
    '',
    ` 1. Approve on your phone${typing}`,
    '',
    codes ? 'Code or option (1): ' : 'Option (1): ',
  ]
  // Clients without a terminal want a default; nobody is asked before they saw the number.
  const factors = { '1': 'push1', default: shown === null ? 'push1' : unseenFactor }
  return { text: lines.join('\n'), factors }
}

/** What the client may offer the person. */
export function offerOf(
  offered: Preauthentication,
  { username, isPrompting }: { readonly username: string; readonly isPrompting: boolean },
) {
  const { devices, codes, shown } = offered
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
    ...(shown && {
      txid: shown.id,
      verification_code: shown.number,
      expiration: Math.floor(shown.expiresAt.getTime() / 1000),
    }),
    ...(isPrompting && { prompt: promptOf(offered, username) }),
  }
}
