// The configuration of pushes: credentials of the environment, and the route to the providers.

import { z } from 'zod'
import { withPemLines } from '../domain/pem.ts'
import { pushServiceHosts } from '../domain/push-subscription.ts'
import { type Faults, readText, type Values } from './config-values.ts'

export type PushEndpoint = {
  readonly address?: { readonly host: string; readonly port: number }
  readonly ca?: readonly string[]
  readonly proxy?: {
    readonly host: string
    readonly port: number
    readonly credentials: { readonly user: string; readonly password: string } | null
  }
}

export type ServiceAccount = {
  readonly project_id: string
  readonly client_email: string
  readonly private_key: string
  readonly private_key_id: string
}

/** The push configuration of every process. */
export type PushConfig = {
  /** Addresses of the push services, for apps of tenants too. */
  readonly pushEndpoints: { readonly apns: PushEndpoint; readonly fcm: PushEndpoint }
  readonly apns:
    | (PushEndpoint & {
        readonly key: { readonly pem: string; readonly keyId: string; readonly teamId: string }
        readonly bundleId: string
      })
    | null
  readonly fcm:
    | (PushEndpoint & { readonly serviceAccount: ServiceAccount; readonly appId: string })
    | null
  /** Pushes to browsers, which need no credentials. */
  readonly webPush: PushEndpoint & {
    /** Every push service that may be reached (domain/push-subscription.ts). */
    readonly hosts: readonly string[]
    readonly subject: string | null
  }
}

const serviceAccount = z.looseObject({
  project_id: z.string().min(1),
  client_email: z.email(),
  private_key: z.string().includes('PRIVATE KEY').transform(withPemLines),
  private_key_id: z.string().min(1),
})

/** Reads the push configuration; incomplete settings are faults. */
export function readPush(values: Values, faults: Faults): PushConfig {
  const pushEndpoints = {
    apns: endpointOf(values, 'APNS', faults),
    fcm: endpointOf(values, 'FCM', faults),
  }
  return {
    pushEndpoints,
    apns: apnsOf(values, pushEndpoints.apns, faults),
    fcm: fcmOf(values, pushEndpoints.fcm, faults),
    webPush: {
      ...endpointOf(values, 'WEB_PUSH', faults),
      hosts: [...pushServiceHosts, ...(values.WEB_PUSH_HOSTS ?? [])],
      subject: values.WEB_PUSH_SUBJECT ?? null,
    },
  }
}

function endpointOf(
  values: Values,
  provider: 'APNS' | 'FCM' | 'WEB_PUSH',
  faults: Faults,
): PushEndpoint {
  const address = values[`${provider}_ADDRESS`]
  const ca = readText(values, null, `${provider}_CA_FILE`, faults)
  const proxy = values.PUSH_PROXY
  return {
    ...(address && { address }),
    ...(ca !== undefined && { ca: [ca] }),
    ...(proxy && { proxy }),
  }
}

/**
 * All or nothing: a half-configured provider would fail at the first sign-in instead of at start.
 * False when none is set; otherwise the missing variables are faults. One name of each group is
 * enough.
 */
function isConfigured(values: Values, groups: readonly Group[], faults: Faults): boolean {
  const isGiven = (name: Name) => values[name] !== undefined || faults.has(name)
  if (!groups.flat().some(isGiven)) return false
  for (const group of groups.filter((names) => !names.some(isGiven))) {
    const others = groups.filter((one) => one !== group).map((one) => one.join(' or '))
    const verb = others.length === 1 ? 'needs' : 'need'
    faults.add(group.join(' or '), `is missing; ${others.join(', ')} ${verb} it`)
  }
  return true
}

type Name = keyof Values
type Group = readonly Name[]

const apnsGroups: readonly Group[] = [
  ['APNS_KEY', 'APNS_KEY_FILE'],
  ['APNS_KEY_ID'],
  ['APNS_TEAM_ID'],
  ['APNS_BUNDLE_ID'],
]

function apnsOf(values: Values, endpoint: PushEndpoint, faults: Faults): PushConfig['apns'] {
  if (!isConfigured(values, apnsGroups, faults)) return null
  const text = readText(values, 'APNS_KEY', 'APNS_KEY_FILE', faults)
  const pem = text === undefined ? undefined : withPemLines(text)
  if (pem && !pem.includes('PRIVATE KEY')) faults.add('APNS_KEY', 'is not a PEM private key')
  const { APNS_KEY_ID: keyId, APNS_TEAM_ID: teamId, APNS_BUNDLE_ID: bundleId } = values
  if (!pem || !keyId || !teamId || !bundleId) return null
  return { key: { pem, keyId, teamId }, bundleId, ...endpoint }
}

const fcmGroups: readonly Group[] = [
  ['FCM_SERVICE_ACCOUNT', 'FCM_SERVICE_ACCOUNT_FILE'],
  ['FCM_APP_ID'],
]

function fcmOf(values: Values, endpoint: PushEndpoint, faults: Faults): PushConfig['fcm'] {
  if (!isConfigured(values, fcmGroups, faults)) return null
  const text = readText(values, 'FCM_SERVICE_ACCOUNT', 'FCM_SERVICE_ACCOUNT_FILE', faults)
  const { FCM_APP_ID: appId } = values
  if (text === undefined) return null
  const account = serviceAccount.safeParse(parseJson(withEscapedNewlines(text)))
  if (!account.success) {
    faults.add('FCM_SERVICE_ACCOUNT', 'is not the JSON of a service account')
  }
  if (!account.success || !appId) return null
  return { serviceAccount: account.data, appId, ...endpoint }
}

/**
 * Some tools turn the `\\n` in a JSON text into line feeds, which are not allowed in its strings
 * (RFC 8259, 7).
 */
function withEscapedNewlines(json: string): string {
  return json.replaceAll(/"(?:[^"\\]|\\[\s\S])*"/g, (text) => text.replaceAll(/\r?\n/g, '\\n'))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
