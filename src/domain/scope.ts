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

/** The scopes of a new key by default: enough to ask, not enough to enroll. */
export const defaultScopes: readonly Scope[] = ['challenges:write', 'users:read']

/** True when the key's scopes allow what the route needs. */
export function allows(keyScopes: readonly string[], scope: Scope): boolean {
  return keyScopes.includes(scope) || keyScopes.includes('admin')
}
