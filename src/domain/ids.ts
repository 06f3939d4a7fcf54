// Ids are TypeIDs: a prefix that names the kind, then 26 characters that hold a UUIDv7.

/** Every kind of id and its prefix. Ids name things; they are never secrets. */
export const idPrefixes = {
  tenant: 'tnt',
  relyingParty: 'rp',
  apiKey: 'key',
  user: 'usr',
  enrollment: 'enr',
  device: 'dev',
  challenge: 'chl',
  delivery: 'dlv',
  activity: 'act',
  app: 'app',
  auditEvent: 'aud',
  portalSession: 'pts',
  singleUseCode: 'suc',
  report: 'rpt',
  diagnostics: 'inc',
  integration: 'int',
  integrationCredential: 'icr',
  webhookEndpoint: 'whe',
  webhookEvent: 'evt',
  webhookAttempt: 'wha',
  shownNumber: 'shn',
  prompt: 'prm',
} as const

export type IdKind = keyof typeof idPrefixes
/** The id of one kind of thing; the compiler keeps the kinds apart. */
export type Id<K extends IdKind> = `${(typeof idPrefixes)[K]}_${string}`

export type TenantId = Id<'tenant'>
export type RelyingPartyId = Id<'relyingParty'>
export type ApiKeyId = Id<'apiKey'>
export type UserId = Id<'user'>
export type EnrollmentId = Id<'enrollment'>
export type DeviceId = Id<'device'>
export type ChallengeId = Id<'challenge'>
export type DeliveryId = Id<'delivery'>
export type PortalSessionId = Id<'portalSession'>
export type ActivityId = Id<'activity'>
export type AppId = Id<'app'>
export type ReportId = Id<'report'>
export type DiagnosticsId = Id<'diagnostics'>
export type IntegrationId = Id<'integration'>
export type IntegrationCredentialId = Id<'integrationCredential'>
export type WebhookEndpointId = Id<'webhookEndpoint'>
export type WebhookEventId = Id<'webhookEvent'>
export type WebhookAttemptId = Id<'webhookAttempt'>
export type ShownNumberId = Id<'shownNumber'>
export type PromptId = Id<'prompt'>

const suffix = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/

/**
 * True for a well-formed id of this kind (TypeID 0.3); says nothing about whether the thing exists.
 */
export function isId<K extends IdKind>(kind: K, text: string): text is Id<K> {
  const prefix = `${idPrefixes[kind]}_`
  return text.startsWith(prefix) && suffix.test(text.slice(prefix.length))
}
