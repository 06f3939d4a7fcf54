// What a client of the Auth API asks for when it says how a person wants to sign in.

import { withAsciiDigits } from './typed-text.ts'

/** How the person wants to prove themselves, of what we offer. */
export type AuthApiFactor =
  | { readonly kind: 'push' }
  | { readonly kind: 'code'; readonly code: string }
  /** Chosen by a client by itself, which shows nobody the number: see `unseenFactor`. */
  | { readonly kind: 'unseen' }

/**
 * The choice of clients that cannot ask anybody, such as login programs under `scp`. They want to
 * be told one, and would take a push as well as anything: but nobody would have seen its number.
 */
export const unseenFactor = 'no_terminal'

const pushes = /^(?:auto|1|(?:verified_)?push[0-9]{0,2})$/i
const notOffered = /^(?:sms|phone)[0-9]{0,2}$/i

/** A word or code that was typed at a prompt, or stands for a line of it. */
function readTyped(typed: string): AuthApiFactor | undefined {
  const word = withAsciiDigits(typed).trim()
  if (pushes.test(word)) return { kind: 'push' }
  if (word === unseenFactor) return { kind: 'unseen' }
  if (word === '' || notOffered.test(word)) return undefined
  return { kind: 'code', code: word }
}

/** The factor of a call; undefined for one that is not offered, such as `sms` and `phone`. */
export function readFactor(asked: {
  readonly factor: string
  readonly prompt?: string | undefined
  readonly passcode?: string | undefined
}): AuthApiFactor | undefined {
  switch (asked.factor) {
    case 'push':
    case 'auto':
      return { kind: 'push' }
    case 'passcode':
      return asked.passcode === undefined || asked.passcode === ''
        ? undefined
        : { kind: 'code', code: asked.passcode }
    case 'prompt':
      return readTyped(asked.prompt ?? '')
    default:
      return undefined
  }
}
