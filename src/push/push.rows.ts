import type { SealedAddress } from '../devices/device.store.ts'
import type { ChallengeId } from '../domain/ids.ts'
import type { DuePush } from './due-push.store.ts'

/** Push address columns; bytes as base64, because they also travel inside JSON. */
export type AddressRow = {
  readonly pushProvider: SealedAddress['provider'] | null
  readonly pushEnvironment: SealedAddress['environment'] | null
  readonly appId: string
  readonly pushToken: string | null
}

/**
 * Whom a push is for, in their own words: the languages of the device, of its user and of its
 * tenant, as far as they are set, for a `devices` row under this alias.
 */
export function languagesColumn(alias: string): string {
  return `array_remove(array[${alias}.language,
      (select lu.language from users lu
       where lu.tenant_id = ${alias}.tenant_id and lu.id = ${alias}.user_id),
      (select lt.policy ->> 'language' from tenants lt
       where lt.tenant_id = ${alias}.tenant_id)], null)`
}

/** Columns of the push address of a `devices` row under this alias. */
export function addressColumns(alias: string): string {
  return `${alias}.push_provider, ${alias}.push_environment, ${alias}.app_id,
    encode(${alias}.push_token_sealed, 'base64') as push_token`
}

export function toAddress(row: AddressRow): SealedAddress | null {
  if (row.pushProvider === null || row.pushToken === null) return null
  return {
    provider: row.pushProvider,
    environment: row.pushEnvironment ?? 'production',
    appId: row.appId,
    tokenSealed: Buffer.from(row.pushToken, 'base64'),
  }
}

/** A push to be sent; `expiresAt` is when it becomes worthless. */
export type DuePushRow = AddressRow & Omit<DuePush, 'address' | 'chainId' | 'activityId' | 'more'>

/** The same where it may be about a challenge of a chain. */
export type DuePromptRow = DuePushRow & { readonly chainId: ChallengeId | null }

/** The same where it may be about an activity, or about several. */
export type DueNoticeRow = DuePushRow & {
  readonly activityId: DuePush['activityId'] | null
  readonly more: number | null
}

export function toDuePushes(
  rows: readonly (DuePushRow | DuePromptRow | DueNoticeRow)[],
): DuePush[] {
  return rows.flatMap((row) => {
    const address = toAddress(row)
    if (!address) return []
    const { tenantId, id, kind, challengeId, deviceId, languages, attempts, expiresAt } = row
    return {
      ...{ tenantId, id, kind, challengeId, deviceId, address, languages, attempts, expiresAt },
      ...('chainId' in row && row.chainId && { chainId: row.chainId }),
      ...('activityId' in row && row.activityId && { activityId: row.activityId }),
      ...('more' in row && row.more && { more: row.more }),
    }
  })
}
