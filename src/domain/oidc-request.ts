// The request of a client of OpenID Connect (Core, 3.1.2.1 and 3.2.2.1), as far as it can be read
// before anybody looks up who is asked.

import { fromBase64url } from './base64url.ts'
import { chooseAcr } from './id-token.ts'

/** Codes of OAuth that an answer may carry (RFC 6749, 4.1.2.1; OpenID Connect Core, 3.1.2.6). */
export type OauthError =
  | 'invalid_request'
  | 'unauthorized_client'
  | 'access_denied'
  | 'unsupported_response_type'
  | 'invalid_scope'
  | 'temporarily_unavailable'
  | 'login_required'
  | 'unmet_authentication_requirements'
  | 'invalid_request_uri'
  | 'invalid_request_object'
  | 'request_not_supported'

/** What is wrong with a request; the client learns it by its own redirect URI. */
export type RequestFault = {
  readonly error: OauthError
  /** English, of constant texts: it reaches logs of others. */
  readonly description: string
}

/** Parameters by name; a repeated one was refused before (RFC 6749, 3.1). */
export type Parameters = Readonly<Record<string, string>>

/** What every kind of request says in one way. */
export type CommonRequest = {
  readonly state: string | null
  readonly nonce: string | null
  readonly acr: string | null
  /** Methods of which the answer is to name one; null where none is asked for. */
  readonly askedMethods: readonly string[] | null
  readonly languages: readonly string[]
}

/** Longer ones are answered without them: they come back in an address. */
export const stateLengthMax = 2048
const nonceLengthMax = 512
const claimsLengthMax = 4096
const valuesMax = 50

const fault = (error: OauthError, description: string): RequestFault => ({ error, description })

/** The state that an answer brings back; null where it is too long for an address. */
export function returnedState({ state }: Parameters): string | null {
  return state !== undefined && state.length <= stateLengthMax ? state : null
}

export const isRequestFault = (value: object): value is RequestFault => 'error' in value

type AskedClaims = { readonly acr: readonly string[]; readonly amr: readonly string[] | null }

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `value` and `values` of a claim that is asked for (OpenID Connect Core, 5.5.1). */
function valuesOf(claim: unknown): readonly string[] | undefined {
  if (claim === null || claim === undefined) return []
  if (!isObject(claim)) return undefined
  const { value, values = value === undefined ? [] : [value] } = claim
  const isList = Array.isArray(values) && values.length <= valuesMax
  return isList && values.every((one) => typeof one === 'string') ? values : undefined
}

function readClaims(text: string | undefined): AskedClaims | undefined {
  if (text === undefined) return { acr: [], amr: null }
  if (text.length > claimsLengthMax) return undefined
  const claims = parseJson(text)
  if (!isObject(claims)) return undefined
  const { id_token: idToken = {} } = claims
  if (!isObject(idToken)) return undefined
  const [acr, amr] = [valuesOf(idToken.acr), valuesOf(idToken.amr)]
  if (acr === undefined || amr === undefined) return undefined
  return { acr, amr: amr.length === 0 ? null : amr }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * What the signature of a token covers (RFC 7515, 5.1): equal texts are one token. The signature
 * itself can be spelled, and with ECDSA made, in more ways than one.
 */
export function signedPartOf(token: string): string {
  return token.slice(0, token.lastIndexOf('.'))
}

const words = (text: string | undefined) => (text ?? '').split(' ').filter((one) => one !== '')

/** Languages of the page by preference (`ui_locales`); what is none is left out. */
const languagesOf = (text: string | undefined) =>
  words(text)
    .filter((one) => /^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$/.test(one))
    .slice(0, 10)

/** What all kinds of requests have in common, or what is wrong with it. */
export function readCommonRequest(parameters: Parameters): CommonRequest | RequestFault {
  const { scope, state = null, nonce = null, claims, acr_values, prompt, ui_locales } = parameters
  if (!words(scope).includes('openid')) return fault('invalid_scope', 'scope must hold openid')
  if (state !== null && state.length > stateLengthMax) {
    return fault('invalid_request', `state has more than ${stateLengthMax} characters`)
  }
  if (nonce !== null && nonce.length > nonceLengthMax) {
    return fault('invalid_request', `nonce has more than ${nonceLengthMax} characters`)
  }
  // There is no session that could answer without asking.
  if (words(prompt).includes('none')) {
    return fault('login_required', 'the person is always asked: prompt must not be none')
  }
  const askedClaims = readClaims(claims)
  if (!askedClaims) return fault('invalid_request', 'claims is no request for claims')
  const askedAcr = [...askedClaims.acr, ...words(acr_values)]
  const acr = chooseAcr(askedAcr) ?? null
  // Values of `acr_values` are wishes, those of `claims` may be demands (Core, 5.5.1.1).
  if (acr === null && askedClaims.acr.length > 0) {
    return fault('unmet_authentication_requirements', 'no acr of those is one of a phone')
  }
  const languages = languagesOf(ui_locales)
  return { state, nonce, acr, askedMethods: askedClaims.amr, languages }
}

/** What Entra's requests must be beyond that. */
export function entraRequestFault(parameters: Parameters): RequestFault | undefined {
  const { response_type: type, response_mode: mode, nonce } = parameters
  if (type !== 'id_token') {
    return fault('unsupported_response_type', 'response_type must be id_token')
  }
  if (mode !== 'form_post') return fault('invalid_request', 'response_mode must be form_post')
  if (!nonce) return fault('invalid_request', 'nonce is missing')
  return undefined
}

/** The challenge of PKCE that a request for a code must bring (RFC 7636, 4.3), or its fault. */
export function readCodeRequest(
  parameters: Parameters,
): { readonly codeChallenge: string; readonly responseMode: 'query' | 'form_post' } | RequestFault {
  const { response_type: type, response_mode: mode = 'query' } = parameters
  const { code_challenge: codeChallenge = '', code_challenge_method: method } = parameters
  if (type !== 'code') return fault('unsupported_response_type', 'response_type must be code')
  if (mode !== 'query' && mode !== 'form_post') {
    return fault('invalid_request', 'response_mode must be query or form_post')
  }
  if (method !== 'S256' || fromBase64url(codeChallenge)?.length !== 32) {
    return fault('invalid_request', 'PKCE with S256 is required')
  }
  return { codeChallenge, responseMode: mode }
}
