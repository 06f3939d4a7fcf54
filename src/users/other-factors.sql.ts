import type { OtherFactors } from '../domain/passcode.ts'
import { readTimeOrNull } from '../platform/postgres/column-types.ts'

/**
 * Columns for the factors that a user has besides the push; both arguments are SQL. Quoted, because
 * they also travel inside JSON.
 */
export const otherFactorColumns = (tenantId: string, userId: string) => `
    (select count(*)::int from devices d
     join passcode_secrets s on s.tenant_id = d.tenant_id and s.device_id = d.id
     where d.tenant_id = ${tenantId} and d.user_id = ${userId}
     and d.status = 'active') as "passcodeDevices",
    (select count(*)::int from single_use_codes c
     where c.tenant_id = ${tenantId} and c.user_id = ${userId}
     and c.kind = 'recovery_code' and c.used_at is null) as "recoveryCodesLeft",
    (select max(c.expires_at) from single_use_codes c
     where c.tenant_id = ${tenantId} and c.user_id = ${userId}
     and c.kind = 'temporary_code' and c.used_at is null
     and c.expires_at > clock_timestamp()) as "temporaryCodeExpiresAt"`

/** The same as JSON of one row. */
export type OtherFactorsJson = Omit<OtherFactors, 'temporaryCodeExpiresAt'> & {
  readonly temporaryCodeExpiresAt: string | null
}

export function toOtherFactors(factors: OtherFactorsJson): OtherFactors {
  return { ...factors, temporaryCodeExpiresAt: readTimeOrNull(factors.temporaryCodeExpiresAt) }
}
