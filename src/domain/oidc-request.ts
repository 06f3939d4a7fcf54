// The request of a client of OpenID Connect (Core, 3.1.2.1 and 3.2.2.1), as far as it can be read
// before anybody looks up who is asked.

import { fromBase64url } from './base64url.ts'
import { chooseAcr, usualAcr } from './id-token.ts'
import { isPlainText } from './text.ts'

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

/**
 * What a client sent, by name: one without a value counts as missing (RFC 6749, 3.1). Undefined
 * where a parameter is there twice.
 */
export function readParameters(fields: object): Parameters | undefined {
  const members = Object.entries(fields)
  const texts = members.filter((member): member is [string, string] => {
    return typeof member[1] === 'string'
  })
  return texts.length === members.length
    ? Object.fromEntries(texts.filter(([, text]) => text !== ''))
    : undefined
}

/** The parameters that count; unknown ones are ignored (OpenID Connect Core, 3.1.2.2). */
const requestParameters = [
  ...['client_id', 'redirect_uri', 'redirect_url', 'response_type', 'response_mode', 'scope'],
  ...['state', 'nonce', 'login_hint', 'id_token_hint', 'prompt', 'claims', 'acr_values'],
  ...['ui_locales', 'code_challenge', 'code_challenge_method'],
]

/** The part of the parameters that counts. */
export function knownParameters(parameters: Parameters): Parameters {
  const members = Object.entries(parameters)
  return Object.fromEntries(members.filter(([name]) => requestParameters.includes(name)))
}

/** What every kind of request says in one way. */
export type CommonRequest = {
  readonly state: string | null
  readonly nonce: string | null
  readonly acr: string | null
  /** Methods of which the answer is to name one; null where none is asked for. */
  readonly askedMethods: readonly string[] | null
  /** The one person whom the answer may name (Core, 3.1.2.2); null where none is named. */
  readonly askedSubject: string | null
  readonly languages: readonly string[]
}

/** Longer ones are answered without them: they come back in an address. */
export const stateLengthMax = 2048
const nonceLengthMax = 512
const claimsLengthMax = 4096
const valuesMax = 50

const fault = (error: OauthError, description: string): RequestFault => ({ error, description })

/** The state that an answer brings back; null where it would not come back as it was sent. */
export function returnedState({ state }: Parameters): string | null {
  return state !== undefined && state.length <= stateLengthMax && isPlainText(state) ? state : null
}

/** JSON may be in lines. */
const isPlain = (name: string, text: string) =>
  isPlainText(name === 'claims' ? text.replaceAll(/[\t\n\r]/g, ' ') : text)

/** Text that is no text (RFC 6749, appendix A) is refused before anything stores it. */
function textFault(parameters: Parameters): RequestFault | undefined {
  const isAnyOther = Object.entries(knownParameters(parameters)).some(
    ([name, text]) => !isPlain(name, text),
  )
  return isAnyOther
    ? fault('invalid_request', 'parameters must not hold control characters')
    : undefined
}

export const isRequestFault = (value: object): value is RequestFault => 'error' in value

type AskedClaims = {
  /** Null where none is asked for; empty where any will do. */
  readonly acr: readonly string[] | null
  /** Whether the client wants no answer without it. */
  readonly isAcrEssential: boolean
  readonly amr: readonly string[] | null
  /** The one person whom the answer may name; null where none is named. */
  readonly sub: string | null
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `value` and `values` of a claim that is asked for (OpenID Connect Core, 5.5.1). */
function valuesOf(claim: unknown): readonly string[] | undefined {
  if (claim === null || claim === undefined) return []
  if (!isObject(claim)) return undefined
  const { value, values = value === undefined ? [] : [value] } = claim
  const isList = Array.isArray(values) && values.length <= valuesMax
  const isText = (one: unknown) => typeof one === 'string' && isPlainText(one)
  return isList && values.every(isText) ? values : undefined
}

function readClaims(text: string | undefined): AskedClaims | undefined {
  if (text === undefined) return { acr: null, isAcrEssential: false, amr: null, sub: null }
  if (text.length > claimsLengthMax) return undefined
  const claims = parseJson(text)
  if (!isObject(claims)) return undefined
  const { id_token: idToken = {} } = claims
  if (!isObject(idToken)) return undefined
  const [acr, amr, sub] = [valuesOf(idToken.acr), valuesOf(idToken.amr), valuesOf(idToken.sub)]
  if (acr === undefined || amr === undefined || sub === undefined) return undefined
  const { acr: askedAcr } = idToken
  return {
    acr: askedAcr === undefined ? null : acr,
    isAcrEssential: isObject(askedAcr) && askedAcr.essential === true,
    amr: amr.length === 0 ? null : amr,
    sub: sub[0] ?? null,
  }
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

/**
 * What all kinds of requests have in common, or what is wrong with it. `isAcrDemanded` where the
 * client takes no answer without one of the contexts in its `claims`, whatever these say.
 */
export function readCommonRequest(
  parameters: Parameters,
  isAcrDemanded = false,
): CommonRequest | RequestFault {
  const { scope, state = null, nonce = null, claims, acr_values, prompt, ui_locales } = parameters
  const shapeFault = textFault(parameters) ?? lengthFault(parameters) ?? promptFault(prompt)
  if (shapeFault) return shapeFault
  if (!words(scope).includes('openid')) return fault('invalid_scope', 'scope must hold openid')
  const askedClaims = readClaims(claims)
  if (!askedClaims) return fault('invalid_request', 'claims is no request for claims')
  const { acr: askedAcr, isAcrEssential, amr: askedMethods, sub: askedSubject } = askedClaims
  const values = [...(askedAcr ?? []), ...words(acr_values)]
  const acr = chooseAcr(values) ?? (askedAcr && values.length === 0 ? usualAcr : null)
  // Other values are wishes, those of `acr_values` always (Core, 5.5.1.1).
  const isDemand = isAcrEssential || isAcrDemanded
  if (isDemand && askedAcr && askedAcr.length > 0 && chooseAcr(askedAcr) === undefined) {
    return fault('unmet_authentication_requirements', 'no acr of those is one of a phone')
  }
  return { state, nonce, acr, askedMethods, askedSubject, languages: languagesOf(ui_locales) }
}

function lengthFault({ state = '', nonce = '' }: Parameters): RequestFault | undefined {
  if (state.length > stateLengthMax) {
    return fault('invalid_request', `state has more than ${stateLengthMax} characters`)
  }
  return nonce.length > nonceLengthMax
    ? fault('invalid_request', `nonce has more than ${nonceLengthMax} characters`)
    : undefined
}

/** There is no session that could answer without asking. */
function promptFault(prompt: string | undefined): RequestFault | undefined {
  const values = words(prompt)
  if (!values.includes('none')) return undefined
  // Core, 3.1.2.1.
  return values.length > 1
    ? fault('invalid_request', 'prompt holds none and something else')
    : fault('login_required', 'the person is always asked: prompt must not be none')
}

/**
 * Whom a token names (`sub`); undefined for any other text. Nothing is verified: it may contradict
 * a request, or say whose keys are to verify it.
 */
export function namedSubject(token: string): string | undefined {
  const payload = fromBase64url(token.split('.')[1] ?? '')
  const claims = payload && parseJson(new TextDecoder().decode(payload))
  return isObject(claims) && typeof claims.sub === 'string' ? claims.sub : undefined
}

/** RFC 6749, 4.1.2.1: one that is missing is not one that is not supported. */
const typeFault = (type: string | undefined, only: 'code' | 'id_token') =>
  type === undefined
    ? fault('invalid_request', 'response_type is missing')
    : fault('unsupported_response_type', `response_type must be ${only}`)

/** What Entra's requests must be beyond that. */
export function entraRequestFault(parameters: Parameters): RequestFault | undefined {
  const { response_type: type, response_mode: mode, nonce } = parameters
  if (type !== 'id_token') return typeFault(type, 'id_token')
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
  if (type !== 'code') return typeFault(type, 'code')
  if (mode !== 'query' && mode !== 'form_post') {
    return fault('invalid_request', 'response_mode must be query or form_post')
  }
  if (method !== 'S256' || fromBase64url(codeChallenge)?.length !== 32) {
    return fault('invalid_request', 'PKCE with S256 is required')
  }
  return { codeChallenge, responseMode: mode }
}
