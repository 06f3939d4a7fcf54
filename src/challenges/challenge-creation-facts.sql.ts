// What decides whether a challenge is created, loaded by one statement.

import type { Challenge } from '../domain/challenge.ts'
import type { RelyingPartyId, TenantId, UserId } from '../domain/ids.ts'
import { othersKey } from '../domain/initiator.ts'
import { otherFactorsOf } from '../domain/passcode.ts'
import { policyOf, strictest } from '../domain/policy.ts'
import { unusedBudget } from '../domain/push-budget.ts'
import { identifierKey } from '../domain/user-name.ts'
import type { Database } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import { type ProtectionJson, toProtection } from '../protection/protections.sql.ts'
import { type InitiatorJson, toInitiator } from '../protection/push-budgets.sql.ts'
import { type AddressRow, addressColumns, toAddress } from '../push/push.rows.ts'
import { namedUser } from '../users/named-user.sql.ts'
import {
  type OtherFactorsJson,
  otherFactorColumns,
  toOtherFactors,
} from '../users/other-factors.sql.ts'
import { challengeColumns, isPending, toChallenge } from './challenge.rows.ts'
import type { AskableDevice, ChallengeStore, CreationFacts } from './challenge.store.ts'

type LoadedDevice = AddressRow &
  Pick<AskableDevice, 'id' | 'hasVerificationKey' | 'appVersion' | 'platform' | 'parentDeviceId'>

/** The columns of the challenge are null where there is none. */
type CreationRow = Challenge & {
  readonly numberSealed: Buffer | null
  readonly requestHash: Buffer
  readonly now: Date
  readonly policy: unknown
  readonly rpPolicy: unknown
  readonly activeKid: string
  readonly foundUserId: UserId | null
  readonly devices: LoadedDevice[] | null
  readonly protection: ProtectionJson | null
  readonly initiator: InitiatorJson | null
  readonly others: InitiatorJson | null
  readonly factors: OtherFactorsJson
}

const loadedColumns = (c: string) => `
  ${challengeColumns(c)}, ${c}.number_sealed, ${c}.request_hash`

const loadCreation = (findUser: string) => `
  select ${loadedColumns('c')}, clock_timestamp() as now, t.policy, r.policy as rp_policy,
    (select s.kid from signing_keys s
     where s.tenant_id = :tenantId and s.status = 'active') as active_kid,
    u.user_id as found_user_id, dv.devices, row_to_json(p) as protection,
    row_to_json(i) as initiator, row_to_json(o) as others,
    (select row_to_json(f)
     from (select ${otherFactorColumns(':tenantId', 'u.user_id')}) f) as factors
  from tenants t
  join relying_parties r on r.tenant_id = t.tenant_id and r.id = :rpId
  left join lateral (${findUser}) u on true
  left join lateral (
    (select ${loadedColumns('k')} from challenges k
     where k.tenant_id = :tenantId and k.rp_id = :rpId and k.idempotency_key = :idempotencyKey
       and :idempotencyKey::text is not null)
    union all
    (select ${loadedColumns('k')} from challenges k
     where k.tenant_id = :tenantId and k.user_id = u.user_id and ${isPending('k')}
       and k.rp_id = :rpId and k.binding = :binding and k.request_hash = :requestHash
       and k.expires_at > clock_timestamp() and :idempotencyKey::text is null
     limit 1)
  ) c on true
  left join user_protections p on p.tenant_id = :tenantId and p.user_id = u.user_id
  left join initiators i on i.tenant_id = :tenantId and i.user_id = u.user_id
    and i.key = :initiatorKey
  left join initiators o
    on o.tenant_id = :tenantId and o.user_id = u.user_id and o.key = '${othersKey}'
  left join lateral (
    select json_agg(json_build_object('id', x.id, 'hasVerificationKey', x.has_verification_key,
      'pushProvider', x.push_provider, 'pushEnvironment', x.push_environment, 'appId', x.app_id,
      'pushToken', x.push_token, 'appVersion', x.app_version, 'platform', x.platform,
      'parentDeviceId', x.parent_device_id) order by x.created_at) as devices
    from (
      select d.id, d.created_at, ${addressColumns('d')}, d.app_version, d.platform,
        d.parent_device_id,
        exists (select from device_keys k where k.tenant_id = d.tenant_id and k.device_id = d.id
          and k.role = 'verification') as has_verification_key
      from devices d
      where d.tenant_id = :tenantId and d.user_id = u.user_id and d.status = 'active'
    ) x
  ) dv on true
  where t.tenant_id = :tenantId`

type LoadParams = {
  readonly tenantId: TenantId
  readonly rpId: RelyingPartyId
  readonly namespaces: readonly string[]
  readonly idempotencyKey: string | null
  readonly binding: string | null
  readonly requestHash: Uint8Array
  readonly initiatorKey: string | null
}

const loadByIdentifier = statement<
  LoadParams & { readonly namespace: string; readonly value: string; readonly key: string },
  CreationRow
>(
  'load_creation',
  loadCreation(
    `select n.user_id from (${namedUser(':namespace', ':value', ':key')}) n
     where :namespace = any(:namespaces::text[])`,
  ),
)
const loadById = statement<LoadParams & { readonly userId: UserId }, CreationRow>(
  'load_creation_by_id',
  loadCreation(
    `select i.user_id from user_identifiers i
     where i.tenant_id = :tenantId and i.user_id = :userId
       and i.namespace = any(:namespaces::text[]) limit 1`,
  ),
)

function toAskable(device: LoadedDevice): AskableDevice {
  const { id, hasVerificationKey, appId, appVersion, platform, parentDeviceId } = device
  const address = toAddress(device)
  return {
    id,
    hasVerificationKey,
    appId,
    appVersion,
    platform,
    parentDeviceId,
    hasPushToken: address !== null,
    address,
  }
}

/** The loading half of a creation. */
export function buildCreationFacts(database: Database): Pick<ChallengeStore, 'loadCreation'> {
  return {
    async loadCreation({ user, ...query }) {
      const [row] =
        'id' in user
          ? await run(database, loadById, { ...query, userId: user.id })
          : await run(database, loadByIdentifier, {
              ...query,
              namespace: user.namespace,
              value: user.value,
              key: identifierKey(user.value),
            })
      if (!row) throw new Error(`tenant ${query.tenantId} is gone although its key still works`)
      const policy = strictest(policyOf(row.policy), row.rpPolicy)
      return {
        now: row.now,
        policy,
        signingKid: row.activeKid,
        userId: row.foundUserId,
        devices: (row.devices ?? []).map(toAskable),
        protection: row.protection && toProtection(row.protection),
        initiator: row.initiator && toInitiator(row.initiator),
        others: row.others ? toInitiator(row.others) : unusedBudget,
        otherFactors: otherFactorsOf(policy, toOtherFactors(row.factors)),
        earlier:
          row.id === null
            ? null
            : {
                challenge: toChallenge(row),
                numberSealed: row.numberSealed,
                requestHash: row.requestHash,
              },
      } satisfies CreationFacts
    },
  }
}
