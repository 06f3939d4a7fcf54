// Microsoft Entra as a client: its clouds, and the hint by which it says who is to be asked.
// Source: "External method provider reference" of its documentation (External MFA).

import { cleanText, isPlainText, isShowable } from './text.ts'

export const entraClouds = ['global', 'us_government', 'china'] as const
export type EntraCloud = (typeof entraClouds)[number]

const hosts: Readonly<Record<EntraCloud, string>> = {
  global: 'login.microsoftonline.com',
  us_government: 'login.microsoftonline.us',
  china: 'login.partner.microsoftonline.cn',
}

/** One tenant of Entra, and the application that stands for us there. */
export type EntraBinding = {
  readonly cloud: EntraCloud
  /** The tenant's id. */
  readonly entraTenantId: string
  /** The audience of its hints. */
  readonly applicationId: string
}

/** The only address to which an answer goes; the same for all tenants of a cloud. */
export function entraRedirectUri(cloud: EntraCloud): string {
  return `https://${hosts[cloud]}/common/federation/externalauthprovider`
}

/** True for the address of any cloud: an answer there is at Microsoft, whatever client asked. */
export function isEntraRedirectUri(uri: string | undefined): boolean {
  return entraClouds.some((cloud) => entraRedirectUri(cloud) === uri)
}

/** Where the cloud says which keys sign its hints. */
export function entraDiscoveryUrl(cloud: EntraCloud): string {
  return `https://${hosts[cloud]}/common/v2.0/.well-known/openid-configuration`
}

/** The issuer of the tenant's hints. */
export function entraIssuer({ cloud, entraTenantId }: EntraBinding): string {
  return `https://${hosts[cloud]}/${entraTenantId}/v2.0`
}

/**
 * Whether a key of the cloud may sign for the tenant: all tenants share its address, and each key
 * names whose it is, most of them by a template.
 */
export function mayKeySign(keyIssuer: unknown, binding: EntraBinding): boolean {
  return (
    typeof keyIssuer === 'string' &&
    keyIssuer.replace('{tenantid}', binding.entraTenantId) === entraIssuer(binding)
  )
}

/** `exp` of a hint is before its `iat` (so in the documentation's own example). */
export const hintToleranceSeconds = 120
/** A hint is of now. */
export const hintAgeMaxSeconds = 15 * 60

/** Who is to be asked. */
export type EntraPerson = {
  /** To be given back: one for each person and application. */
  readonly subject: string
  /** The person's object id, which never changes; within the tenant it names nobody else. */
  readonly objectId: string
  /** To show; a person can change it, and nothing is decided by it. */
  readonly displayName: string | null
}

/** Why a hint counts for nothing. */
export type HintFault =
  | 'hint_issuer'
  | 'hint_tenant'
  | 'hint_audience'
  | 'hint_time'
  | 'hint_old'
  | 'hint_person'

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const lengthMax = 255
const shownLengthMax = 128

const isTime = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value)

function timeFault(
  { iat, exp, nbf }: Readonly<Record<string, unknown>>,
  now: Date,
): 'hint_time' | 'hint_old' | undefined {
  if (!isTime(iat) || !isTime(exp) || (nbf !== undefined && !isTime(nbf))) return 'hint_time'
  const ageSeconds = Math.abs(now.getTime() / 1000 - iat)
  // Not `>`: an invalid date counts as old.
  if (!(ageSeconds <= hintAgeMaxSeconds)) return 'hint_old'
  const isRunning = exp >= iat - hintToleranceSeconds
  const hasBegun = nbf === undefined || nbf <= iat + hintToleranceSeconds
  return isRunning && hasBegun ? undefined : 'hint_time'
}

const isOnly = (aud: unknown, audience: string) =>
  aud === audience || (Array.isArray(aud) && aud.length === 1 && aud[0] === audience)

/**
 * The person whom the claims of a hint name, whose signature was verified with a key that may sign
 * for the tenant. Its times are checked at its own `iat`, which must be of now: Entra sends hints
 * that have expired.
 */
export function readHint(
  claims: Readonly<Record<string, unknown>>,
  binding: EntraBinding,
  now: Date,
): EntraPerson | HintFault {
  const { iss, tid, aud, ver, oid, sub } = claims
  if (iss !== entraIssuer(binding) || ver !== '2.0') return 'hint_issuer'
  if (tid !== binding.entraTenantId) return 'hint_tenant'
  if (!isOnly(aud, binding.applicationId)) return 'hint_audience'
  const fault = timeFault(claims, now)
  if (fault !== undefined) return fault
  if (typeof oid !== 'string' || !uuid.test(oid)) return 'hint_person'
  if (typeof sub !== 'string' || sub === '' || sub.length > lengthMax) return 'hint_person'
  if (!isPlainText(sub)) return 'hint_person'
  return { subject: sub, objectId: oid, displayName: shownNameOf(claims) }
}

/** A name that hides or reorders text is not shown. */
function shownNameOf({ preferred_username: userName, name }: Readonly<Record<string, unknown>>) {
  const texts = [userName, name].filter((one) => typeof one === 'string').map(cleanText)
  return texts.find((text) => isShowable(text, shownLengthMax)) ?? null
}
