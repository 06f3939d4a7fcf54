// Groups of users by what decides whether they could be asked.

import type { TenantId } from '../domain/ids.ts'
import { rolloutBuckets } from '../domain/push-sign-in.ts'
import type { DeviceKind, UserGroup } from '../domain/readiness-counts.ts'
import type { Database } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { ReadinessCountStore } from './readiness-counts.store.ts'

/** Far more than there are versions of apps; beyond it users of the rarest count as not capable. */
const kindsMax = 5_000

const kindColumns = `d.platform, d.app_id, d.app_version, d.protocol_version,
    d.parent_device_id is not null as is_companion,
    (select true from device_keys k where k.tenant_id = d.tenant_id and k.device_id = d.id
      and k.role = 'verification') is true as has_verification_key,
    (select k.backup_eligible from device_keys k where k.tenant_id = d.tenant_id
      and k.device_id = d.id and k.role = 'verification') is true as has_synced_passkey`

const listKinds = statement<{ readonly tenantId: TenantId; readonly limit: number }, DeviceKind>(
  'list_device_kinds',
  `select platform, app_id, app_version, protocol_version, is_companion, has_verification_key,
    has_synced_passkey
  from (
    select ${kindColumns} from devices d where d.tenant_id = :tenantId and d.status = 'active'
  ) x
  group by 1, 2, 3, 4, 5, 6, 7 order by count(*) desc limit :limit`,
)

/** The bucket of `rolloutBucket`, from the first four bytes of the same hash. */
const bucket = (rolloutKey: string, userId: string) => `
  (select (((get_byte(h, 0)::bigint * 256 + get_byte(h, 1)) * 256 + get_byte(h, 2)) * 256
      + get_byte(h, 3)) % ${rolloutBuckets}
   from sha256(convert_to(${rolloutKey} || ':' || ${userId}, 'UTF8')) as h)`

type KindColumns = {
  readonly platforms: readonly string[]
  readonly appIds: readonly string[]
  readonly appVersions: readonly string[]
  readonly protocolVersions: readonly number[]
  readonly companions: readonly boolean[]
  readonly verifications: readonly boolean[]
  readonly synced: readonly boolean[]
}

const groupUsers = statement<
  {
    readonly tenantId: TenantId
    readonly namespaces: readonly string[]
    readonly percent: number
  } & KindColumns,
  UserGroup
>(
  'group_users_by_readiness',
  `with kinds as materialized (
    select * from unnest(:platforms::text[], :appIds::text[], :appVersions::text[],
      :protocolVersions::int[], :companions::boolean[], :verifications::boolean[],
      :synced::boolean[]) as k(platform, app_id, app_version, protocol_version, is_companion,
      has_verification_key, has_synced_passkey)
  ), u as (
    select distinct i.user_id from user_identifiers i
    where i.tenant_id = :tenantId and i.namespace = any(:namespaces::text[])
  )
  select count(*)::int as users, p.suspended_at is not null as is_suspended,
    p.hard_locked_at is not null or coalesce(p.locked_until > clock_timestamp(), false)
      as is_locked,
    coalesce(p.reported_until > clock_timestamp(), false) as is_reported,
    coalesce(p.paused_until > clock_timestamp(), false) as is_paused,
    p.push_sign_in as setting,
    ${bucket('t.rollout_key', 'u.user_id')} < :percent::int as is_reached,
    d.devices > 0 as has_device, d.active_devices > 0 as has_active_device,
    coalesce(d.is_askable, false) as has_askable_device,
    coalesce(d.has_token, false) as has_push_token
  from u
  join tenants t on t.tenant_id = :tenantId
  join user_protections p on p.tenant_id = :tenantId and p.user_id = u.user_id
  cross join lateral (
    select count(*) as devices, count(*) filter (where x.is_active) as active_devices,
      bool_or(k.platform is not null) as is_askable,
      bool_or(k.platform is not null and x.has_token) as has_token
    from (
      select d.status = 'active' as is_active, d.push_token_sealed is not null as has_token,
        ${kindColumns} from devices d
      where d.tenant_id = :tenantId and d.user_id = u.user_id
        and d.status in ('active', 'suspended')
    ) x
    left join kinds k on x.is_active
      and (k.platform, k.app_id, k.app_version, k.protocol_version, k.is_companion,
        k.has_verification_key, k.has_synced_passkey) = (x.platform, x.app_id, x.app_version,
        x.protocol_version, x.is_companion, x.has_verification_key, x.has_synced_passkey)
  ) d
  group by 2, 3, 4, 5, 6, 7, 8, 9, 10, 11`,
)

/** Counts of a tenant's users; each call reads all of them. */
export function buildReadinessCountStore(database: Database): ReadinessCountStore {
  return {
    listKinds: (tenantId) => run(database, listKinds, { tenantId, limit: kindsMax }),
    groupUsers(tenantId, namespaces, percent, kinds) {
      return run(database, groupUsers, {
        tenantId,
        namespaces,
        percent,
        platforms: kinds.map(({ platform }) => platform),
        appIds: kinds.map(({ appId }) => appId),
        appVersions: kinds.map(({ appVersion }) => appVersion),
        protocolVersions: kinds.map(({ protocolVersion }) => protocolVersion),
        companions: kinds.map(({ isCompanion }) => isCompanion),
        verifications: kinds.map(({ hasVerificationKey }) => hasVerificationKey),
        synced: kinds.map(({ hasSyncedPasskey }) => hasSyncedPasskey),
      })
    },
  }
}
