import type { Actor } from './activity.ts'

/** Changes that belong to no single user. A closed set. */
export type AuditType =
  | 'tenant_created'
  | 'tenant_changed'
  | 'signing_key_rotated'
  | 'oidc_keys_created'
  | 'oidc_keys_rotated'
  | 'relying_party_created'
  | 'relying_party_changed'
  | 'policy_changed'
  | 'branding_changed'
  | 'branding_removed'
  | 'user_changed'
  | 'user_erased'
  | 'app_added'
  | 'app_changed'
  | 'app_removed'
  | 'integration_created'
  | 'integration_changed'
  | 'integration_rotated'
  | 'integration_credential_ended'
  | 'integration_deleted'
  | 'integration_tested'
  | 'api_key_created'
  | 'api_key_rotated'
  | 'api_key_revoked'
  | 'temporary_code_made'
  | 'enrollment_window_opened'
  | 'enrollment_window_closed'
  | 'prompt_enrollment_opened'
  | 'devices_unregistered_by_time'
  | 'report_resolved'
  | 'activities_purged'
  | 'audit_checkpointed'
  | 'webhook_endpoint_added'
  | 'webhook_endpoint_changed'
  | 'webhook_endpoint_paused'
  | 'webhook_endpoint_disabled'
  | 'webhook_endpoint_removed'
  | 'webhook_secret_rotated'

/** One row of the audit record, written in the transaction of the change that it records. */
export type NewAuditEvent = {
  readonly type: AuditType
  readonly actor: Actor
  /** Id of what was changed. */
  readonly subject: string
  readonly details?: Readonly<Record<string, unknown>>
}
