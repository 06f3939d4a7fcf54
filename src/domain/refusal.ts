/**
 * Every refusal that the rules can decide. The code is part of the API: it is never renamed; HTTP
 * maps it to a status.
 */
export type RefusalCode =
  // callers
  | 'unauthenticated'
  | 'api_key_invalid'
  | 'address_not_allowed'
  | 'scope_missing'
  | 'namespace_not_granted'
  // requests
  | 'not_found'
  | 'invalid_request'
  // relying parties and keys
  | 'relying_party_unknown'
  // apps
  | 'app_taken'
  // integrations
  | 'integration_invalid'
  | 'integration_paused'
  | 'realm_unreachable'
  | 'realm_keys_refused'
  | 'integration_without_secret'
  | 'caller_number_missing'
  | 'numbers_ambiguous'
  | 'number_unseen'
  | 'factor_not_offered'
  | 'signature_too_weak'
  | 'fail_open_not_allowed'
  | 'legacy_version_not_allowed'
  | 'enrollment_not_allowed'
  | 'redirect_uri_unknown'
  // webhooks
  | 'webhook_url_refused'
  | 'webhook_endpoint_not_active'
  | 'too_many_webhook_endpoints'
  | 'too_many_webhook_requests'
  // policy
  | 'policy_out_of_profile'
  | 'policy_laxer'
  | 'api_key_not_live'
  | 'rotation_under_way'
  // users
  | 'identifier_taken'
  | 'identifiers_collide'
  // enrollments
  | 'enrollment_not_open'
  | 'enrollment_code_invalid'
  | 'enrollment_expired'
  | 'enrollment_not_claimed'
  | 'too_many_devices'
  | 'enrolled_before'
  | 'key_already_registered'
  | 'too_many_key_rotations'
  | 'attestation_missing'
  | 'passkey_synced'
  | 'attestation_invalid'
  // devices and their proofs
  | 'proof_missing'
  | 'proof_malformed'
  | 'proof_invalid'
  | 'proof_replayed'
  | 'proof_key_not_allowed'
  | 'clock_skew'
  | 'device_unregistered'
  | 'device_suspended'
  | 'device_not_active'
  | 'app_too_old'
  | 'protocol_too_old'
  | 'protocol_version_lowered'
  | 'no_push_token'
  | 'test_push_too_soon'
  | 'pushes_paused'
  | 'platform_retired'
  | 'device_not_pending'
  | 'too_many_diagnostics'
  // personal data
  | 'export_busy'
  // the portal
  | 'portal_link_invalid'
  | 'portal_session_invalid'
  | 'portal_step_up_needed'
  | 'portal_link_needed'
  | 'portal_not_approved'
  | 'origin_not_allowed'
  // challenges
  | 'user_not_found'
  | 'no_capable_device'
  | 'user_suspended'
  | 'push_locked'
  | 'push_sign_in_off'
  | 'initiator_blocked'
  | 'too_many_pending'
  | 'push_suppressed'
  | 'number_none_not_allowed'
  | 'number_too_short'
  | 'return_url_not_allowed'
  | 'idempotency_key_reused'
  | 'challenge_ended'
  | 'challenge_expired'
  | 'resend_too_soon'
  | 'resends_used_up'
  | 'nothing_to_push'
  // answers
  | 'answer_malformed'
  | 'answer_invalid'
  | 'answer_key_not_allowed'
  | 'wrong_number'
  | 'number_missing'
  // passcodes
  | 'passcodes_not_allowed'
  | 'passcode_wrong'
  | 'passcode_used'
  | 'passcode_clock_off'
  | 'passcode_expired'
  | 'passcode_locked'
  // reports
  | 'report_resolved'
  // machines
  | 'conflict'
  | 'too_many_requests'

/**
 * A refusal is a value, not an exception: what it used up (an attempt, a proof) must stay used up.
 * Its type names the codes it may carry, so that a route that does not declare one of them does not
 * compile.
 */
export type Refusal<Code extends RefusalCode = RefusalCode> = {
  readonly refused: Code
  /** What the caller can do next, beyond the code's fixed text. */
  readonly hint?: string
  /** Seconds after which a retry makes sense. */
  readonly retryAfterSeconds?: number
  /** Further members for the problem document; camelCase, nothing secret. */
  readonly facts?: Readonly<Record<string, string | number | boolean | readonly string[]>>
}

/** Creates a refusal; `more` adds hint, retry time or facts. */
export function refuse<const Code extends RefusalCode>(
  code: Code,
  more: Omit<Refusal, 'refused'> = {},
): Refusal<Code> {
  return { refused: code, ...more }
}

/** True for a refusal, as opposed to a result. */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'refused' in value
}
