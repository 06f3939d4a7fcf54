// Whether a key is in force when a statement reads it, for writes that a remembered key allowed.

/**
 * True unless the key of this id has been revoked, has expired or is gone; also where the id is
 * null, because no key asks.
 */
export const isKeyLive = (tenantId: string, keyId: string) => `
  (${keyId} is null or (
    select true from api_keys y
    where y.tenant_id = ${tenantId} and y.id = ${keyId} and y.revoked_at is null
      and (y.expires_at is null or y.expires_at > clock_timestamp())
  ) is true)`
