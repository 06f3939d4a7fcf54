// Doors that send the browser to a page of ours: what is configured of them.

import { type EntraBinding, entraRedirectUri } from './entra.ts'
import { directoryIdsFault } from './entra-ids.ts'
import type { OidcAlgorithm } from './oidc-key.ts'

/** What is common to all doors that send the browser to a page of ours. */
type PageSettings = {
  /** Whether a bound request is asked at once; otherwise after a click on the page. */
  readonly asksAtOnce: boolean
  /** Whether a recovery or temporary code counts as `otp`; otherwise the client is refused. */
  readonly codesAsOtp: boolean
  /**
   * Whether a user whom nobody has enrolled may add a first device on the page: in a window, or by
   * a temporary code.
   */
  readonly enrollmentAllowed: boolean
}

/** How a client of OpenID Connect proves who it is (OpenID Connect Core, 9). */
export const clientAuthentications = [
  'private_key_jwt',
  'client_secret_basic',
  'client_secret_post',
] as const
export type ClientAuthentication = (typeof clientAuthentications)[number]

/** What clients may sign their tokens with: public keys only (RFC 8725, 3.1). */
export const clientAlgorithms = ['ES256', 'RS256', 'PS256'] as const

/** A public key of a client (RFC 7517): what is needed to verify with it, and its name. */
export type ClientJwk = Readonly<Record<string, string>>

/** The settings of doors that send the browser to a page of ours. */
export type PromptSettings =
  | (PageSettings & EntraBinding & { readonly kind: 'entra_external_mfa' })
  | (PageSettings & {
      readonly kind: 'oidc_code'
      /** Exact; an answer goes to no other. */
      readonly redirectUris: readonly string[]
      readonly clientAuthentication: ClientAuthentication
      /** Keys that sign its assertions and requests. */
      readonly jwks: readonly ClientJwk[]
      /**
       * Whether a request that nobody signed may say who is asked: the browser may have changed it.
       */
      readonly bareLoginHintAllowed: boolean
      /** What signs its ID tokens. */
      readonly idTokenAlgorithm: OidcAlgorithm
    })

/** The addresses to which answers go, and no others. */
export function redirectUrisOf(settings: PromptSettings): readonly string[] {
  return settings.kind === 'oidc_code' ? settings.redirectUris : [entraRedirectUri(settings.cloud)]
}

const loopbackHosts = ['localhost', '127.0.0.1', '[::1]']

const redirectUriHint =
  'A redirect URI is https:// (or http:// on localhost, 127.0.0.1 or [::1]) in its plain ' +
  'spelling, without user and fragment.'

/** What is compared is what a browser opens: as every parser writes it, and one address only. */
function redirectUriFault(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : null
  if (text.includes('*')) return 'A redirect URI is one address: a wildcard (*) counts for nothing.'
  if (url === null || text.includes('#')) return redirectUriHint
  if (url.username !== '' || url.password !== '') return redirectUriHint
  const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
  if (!isSafe) return redirectUriHint
  return url.href === text ? undefined : `${redirectUriHint} Spelled plainly: ${url.href}`
}

// The traffic of an address of loopback stays on the machine (RFC 8252, 8.3).
const isLoopback = ({ hostname }: URL) => loopbackHosts.includes(hostname)

const hasRepetition = (texts: readonly unknown[]) => new Set(texts).size < texts.length

/** What is wrong with the settings; undefined when they can be used. */
export function promptSettingsFault(settings: PromptSettings): string | undefined {
  if (settings.kind === 'entra_external_mfa') return directoryIdsFault(settings)
  const { redirectUris, clientAuthentication, jwks } = settings
  const [uriFault] = redirectUris.map(redirectUriFault).filter((one) => one !== undefined)
  if (uriFault !== undefined) return uriFault
  if (hasRepetition(redirectUris)) return 'A redirect URI must not be repeated.'
  if (hasRepetition(jwks.map(({ kid }) => kid))) return 'Each key in jwks needs a kid of its own.'
  if (clientAuthentication === 'private_key_jwt' && jwks.length === 0) {
    return 'A client that authenticates by private_key_jwt needs its public keys in jwks.'
  }
  return undefined
}
