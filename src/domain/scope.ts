/** What an API key may do. `admin` includes all others. */
export const scopes = [
  'challenges:write',
  'enrollments:write',
  'users:read',
  'users:write',
  'activities:write',
  'devices:write',
  'temporary_codes:write',
  'policy:write',
  'webhooks:write',
  'audit:read',
  'integrations:write',
  'admin',
] as const
export type Scope = (typeof scopes)[number]

/** What a new key gets when nobody says otherwise: enough to ask, not enough to enroll. */
export const defaultScopes: readonly Scope[] = ['challenges:write', 'users:read']

/** True when the key's scopes allow what the route needs. */
export function allows(granted: readonly string[], needed: Scope): boolean {
  return granted.includes(needed) || granted.includes('admin')
}
