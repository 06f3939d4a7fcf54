// What must survive the restoration of a database to an earlier state: the lines of the revocation
// log.

import { isThumbprint } from './claims.ts'
import { type UnregisterReason, unregisterReasons } from './device.ts'
import {
  type ApiKeyId,
  type DeviceId,
  type IdKind,
  type IntegrationCredentialId,
  type IntegrationId,
  isId,
  type RelyingPartyId,
  type TenantId,
  type UserId,
  type WebhookEndpointId,
} from './ids.ts'

type Common = { readonly tenantId: TenantId; readonly at: Date }
type OfUser = Common & { readonly userId: UserId }
type OfDevice = OfUser & { readonly deviceId: DeviceId }
type OfIntegration = Common & { readonly integrationId: IntegrationId }
type OfEndpoint = Common & {
  readonly rpId: RelyingPartyId
  readonly endpointId: WebhookEndpointId
}

type MembersByKind = {
  device_unregistered: OfDevice & { readonly reason: UnregisterReason }
  device_key_replaced: OfDevice & { readonly kid: string }
  device_suspended: OfDevice
  device_activated: OfDevice
  user_suspended: OfUser
  user_activated: OfUser
  api_key_revoked: Common & { readonly keyId: ApiKeyId }
  integration_removed: OfIntegration
  integration_paused: OfIntegration
  integration_activated: OfIntegration
  integration_credential_ended: OfIntegration & {
    readonly credentialId: IntegrationCredentialId
    /** When it ends: later than `at` where a rotation left it an overlap. */
    readonly endsAt: Date
  }
  webhook_endpoint_removed: OfEndpoint
  webhook_endpoint_paused: OfEndpoint
  webhook_endpoint_activated: OfEndpoint
}
type Kind = keyof MembersByKind

/** A line of this kind. */
export type RevocationOf<K extends Kind> = {
  [One in K]: { readonly revocation: One } & MembersByKind[One]
}[K]

/**
 * A revocation, or the end of a suspension or a pause. `at` is the database's time of the change.
 */
export type Revocation = RevocationOf<Kind>

/** A revocation that removes a right. */
export type RemovalOfRights = RevocationOf<Exclude<Kind, `${string}_activated`>>

function isReason(text: unknown): text is UnregisterReason {
  return (unregisterReasons as readonly unknown[]).includes(text)
}

/**
 * The revocation as a line of the log, without its end; `revocation` comes first, so that lines can
 * be found among others.
 */
export function revocationLine({ revocation, ...facts }: Revocation): string {
  return JSON.stringify({ revocation, ...facts })
}

const device = ['userId', 'deviceId'] as const
const user = ['userId'] as const
const integration = ['integrationId'] as const
const endpoint = ['rpId', 'endpointId'] as const

/** The members of each kind, in addition to its tenant and its time. */
const members = {
  device_unregistered: [...device, 'reason'],
  device_key_replaced: [...device, 'kid'],
  device_suspended: device,
  device_activated: device,
  user_suspended: user,
  user_activated: user,
  api_key_revoked: ['keyId'],
  integration_removed: integration,
  integration_paused: integration,
  integration_activated: integration,
  integration_credential_ended: [...integration, 'credentialId', 'endsAt'],
  webhook_endpoint_removed: endpoint,
  webhook_endpoint_paused: endpoint,
  webhook_endpoint_activated: endpoint,
} as const satisfies {
  readonly [K in Kind]: readonly Exclude<keyof MembersByKind[K], keyof Common>[]
}

const idOf = (kind: IdKind) => (value: unknown) =>
  typeof value === 'string' && isId(kind, value) ? value : undefined

/** The parsed value of each member when it is well-formed; undefined otherwise. */
const readers: Record<(typeof members)[Kind][number] | keyof Common, (value: unknown) => unknown> =
  {
    tenantId: idOf('tenant'),
    userId: idOf('user'),
    deviceId: idOf('device'),
    kid: (value) => (typeof value === 'string' && isThumbprint(value) ? value : undefined),
    keyId: idOf('apiKey'),
    integrationId: idOf('integration'),
    credentialId: idOf('integrationCredential'),
    rpId: idOf('relyingParty'),
    endpointId: idOf('webhookEndpoint'),
    reason: (value) => (isReason(value) ? value : undefined),
    at: timeOf,
    endsAt: timeOf,
  }

function timeOf(value: unknown): Date | undefined {
  const time = new Date(typeof value === 'string' ? value : '')
  return Number.isNaN(time.getTime()) ? undefined : time
}

function isKind(text: unknown): text is Kind {
  return typeof text === 'string' && Object.hasOwn(members, text)
}

/**
 * A line of the log; undefined for any other text, and when the line was cut off. Additional
 * members are ignored.
 */
export function readRevocation(line: string): Revocation | undefined {
  const object = parse(line)
  if (!object || !isKind(object.revocation)) return undefined
  const { revocation } = object
  const names = ['tenantId', 'at', ...members[revocation]] as const
  const facts = Object.fromEntries(names.map((name) => [name, readers[name](object[name])]))
  if (Object.values(facts).includes(undefined)) return undefined
  return { revocation, ...facts } as Revocation
}

/** The id of the subject of a line. */
function subjectOf(one: Revocation): string {
  if ('credentialId' in one) return one.credentialId
  if ('kid' in one) return one.kid
  if ('integrationId' in one) return one.integrationId
  if ('endpointId' in one) return one.endpointId
  if ('keyId' in one) return one.keyId
  return 'deviceId' in one ? one.deviceId : one.userId
}

/** These are final, whatever the times of other lines are. */
const ends: readonly Kind[] = [
  'device_unregistered',
  'device_key_replaced',
  'integration_removed',
  'webhook_endpoint_removed',
]

function isRemovalOfRights(one: Revocation): one is RemovalOfRights {
  return !one.revocation.endsWith('_activated')
}

/** True when `earlier` stays in force for its subject whatever a later line says. */
function isFinal(earlier: Revocation, later: Revocation): boolean {
  if ('endsAt' in earlier && 'endsAt' in later) return earlier.endsAt <= later.endsAt
  return ends.includes(earlier.revocation)
}

/**
 * The one of two lines about one subject that is in force; of two with the same time, the one that
 * was read later.
 */
function laterOf(before: Revocation, one: Revocation): Revocation {
  const [earlier, later] = before.at <= one.at ? [before, one] : [one, before]
  return isFinal(earlier, later) ? earlier : later
}

/**
 * Reduces lines, in whatever order they are read, to the one in force for each subject: a permanent
 * end always wins, and of several ends of a credential the earliest. Lines that restore a right are
 * not in force.
 */
export function buildRevocationSummary(): {
  add(one: Revocation): void
  inForce(): RemovalOfRights[]
} {
  const last = new Map<string, Revocation>()
  return {
    add(one) {
      const name = `${one.tenantId} ${subjectOf(one)}`
      const before = last.get(name)
      last.set(name, before ? laterOf(before, one) : one)
    },
    inForce: () => [...last.values()].filter(isRemovalOfRights),
  }
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
