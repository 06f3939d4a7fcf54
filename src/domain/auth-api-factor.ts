// What a client of the Auth API requests when it says how a person wants to sign in.

import { withAsciiDigits } from './typed-text.ts'

/** How the person wants to sign in, among the factors that we offer. */
export type AuthApiFactor =
  | { readonly kind: 'push' }
  | { readonly kind: 'code'; readonly code: string }
  /** Chosen by a client that shows the number to nobody: see `unseenFactor`. */
  | { readonly kind: 'unseen' }

/**
 * The choice of clients that cannot prompt anybody, such as login programs under `scp`. They want
 * to be given a factor, and would take a push as readily as any other: but nobody would have seen
 * its number.
 */
export const unseenFactor = 'no_terminal'

const pushes = /^(?:auto|1|(?:verified_)?push[0-9]{0,2})$/i
const notOffered = /^(?:sms|phone)[0-9]{0,2}$/i

/**
 * A factor name or a code that was typed at a prompt, or a number that stands for one of its lines.
 */
function readPromptText(text: string): AuthApiFactor | undefined {
  const input = withAsciiDigits(text).trim()
  if (pushes.test(input)) return { kind: 'push' }
  if (input === unseenFactor) return { kind: 'unseen' }
  if (input === '' || notOffered.test(input)) return undefined
  return { kind: 'code', code: input }
}

/** The factor of a call; undefined for one that is not offered, such as `sms` and `phone`. */
export function readFactor(call: {
  readonly factor: string
  readonly prompt?: string | undefined
  readonly passcode?: string | undefined
}): AuthApiFactor | undefined {
  switch (call.factor) {
    case 'push':
    case 'auto':
      return { kind: 'push' }
    case 'passcode':
      return call.passcode === undefined || call.passcode === ''
        ? undefined
        : { kind: 'code', code: call.passcode }
    case 'prompt':
      return readPromptText(call.prompt ?? '')
    default:
      return undefined
  }
}
