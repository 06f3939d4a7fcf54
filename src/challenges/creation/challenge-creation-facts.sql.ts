// What decides whether challenges are created, loaded by one statement for all that wait.

import type { Challenge } from '../../domain/challenge.ts'
import type {
  ApiKeyId,
  ChallengeId,
  DeviceId,
  RelyingPartyId,
  TenantId,
  UserId,
} from '../../domain/ids.ts'
import { othersKey } from '../../domain/initiator.ts'
import { otherFactorsOf } from '../../domain/passcode.ts'
import { policyOf, strictest } from '../../domain/policy.ts'
import { unusedBudget } from '../../domain/push-budget.ts'
import { identifierKey } from '../../domain/user-name.ts'
import type { Database } from '../../platform/postgres/database.ts'
import type { Lanes } from '../../platform/postgres/lane.ts'
import { type ListParams, rowList } from '../../platform/postgres/row-list.ts'
import { statement } from '../../platform/postgres/statement.ts'
import { type ProtectionJson, toProtection } from '../../protection/protections.sql.ts'
import { type InitiatorJson, toInitiator } from '../../protection/push-budgets.sql.ts'
import { type AddressRow, addressColumns, toAddress } from '../../push/push.rows.ts'
import { isKeyLive } from '../../tenants/live-api-key.sql.ts'
import { namedUser } from '../../users/named-user.sql.ts'
import {
  type OtherFactorsJson,
  otherFactorColumns,
  toOtherFactors,
} from '../../users/other-factors.sql.ts'
import { challengeColumns, isPending, toChallenge } from '../challenge.rows.ts'
import type { AskableDevice, ChallengeStore, CreationFacts } from '../challenge.store.ts'
import { pushedDevices } from '../challenge-cancellation.sql.ts'

type LoadedDevice = AddressRow &
  Pick<
    AskableDevice,
    | 'id'
    | 'hasVerificationKey'
    | 'passkey'
    | 'appVersion'
    | 'protocolVersion'
    | 'platform'
    | 'parentDeviceId'
  > & {
    readonly language: string | null
    /** Text, as JSON has it. */
    readonly activatedAt: string | null
  }

type Query = Parameters<ChallengeStore['loadCreation']>[0]

/** The columns of the challenge are null where there is none. */
type CreationRow = Challenge & {
  readonly n: number
  readonly numberSealed: Buffer | null
  readonly requestHash: Buffer
  readonly chainId: ChallengeId
  readonly chainStartedAt: Date
  readonly role: Role | null
  readonly promptedDevices: readonly DeviceId[] | null
  readonly now: Date
  readonly isKeyLive: boolean
  readonly policy: unknown
  readonly rpPolicy: unknown
  readonly returnOrigins: readonly string[]
  readonly activeKid: string
  readonly foundUserId: UserId | null
  readonly userLanguage: string | null
  readonly devices: LoadedDevice[] | null
  readonly protection: ProtectionJson | null
  readonly initiator: InitiatorJson | null
  readonly others: InitiatorJson | null
  readonly factors: OtherFactorsJson
}

const loadedColumns = (c: string) => `
  ${challengeColumns(c)}, ${c}.number_sealed, ${c}.request_hash,
  coalesce(${c}.chain_id, ${c}.id) as chain_id,
  coalesce(${c}.chain_started_at, ${c}.created_at) as chain_started_at`

/** The question that the request names, if it is one of its relying party and user. */
const isContinued = `k.tenant_id = x.tenant_id and k.id = x.continued_id and k.rp_id = x.rp_id
       and k.user_id = u.user_id`

/** Answered or called off; not over by time, and no other question has taken its place. */
const isFinalRow = (c: string) =>
  `${c}.status not in ('pending', 'expired') and ${c}.reason is distinct from 'superseded'`

/** What the loaded challenge is to the request. */
type Role = 'same_key' | 'final' | 'answered' | 'pending'

/** Either `userId`, or `namespace`, `value` and `key`. */
type Item = {
  readonly tenantId: TenantId
  readonly rpId: RelyingPartyId
  readonly keyId: ApiKeyId | null
  readonly namespaces: string
  readonly userId: UserId | null
  readonly namespace: string | null
  readonly value: string | null
  readonly key: string | null
  readonly idempotencyKey: string | null
  readonly initiatorKey: string | null
  /** The initiator whose pending question is wanted. */
  readonly browserKey: string | null
  readonly continuedId: ChallengeId | null
  readonly supersededId: ChallengeId | null
}

const creationItems = rowList<'item', Item>('item', {
  tenantId: 'text',
  rpId: 'text',
  keyId: 'text',
  namespaces: 'jsonb',
  userId: 'text',
  namespace: 'text',
  value: 'text',
  key: 'text',
  idempotencyKey: 'text',
  initiatorKey: 'text',
  browserKey: 'text',
  continuedId: 'text',
  supersededId: 'text',
})

const loadCreation = statement<ListParams<'item', Item>, CreationRow>(
  'load_creation',
  `select x.n::int as n, ${challengeColumns('c')}, c.number_sealed, c.request_hash, c.chain_id,
    c.chain_started_at, c.role, c.prompted_devices, clock_timestamp() as now,
    ${isKeyLive('x.tenant_id', 'x.key_id')} as is_key_live, t.policy,
    r.policy as rp_policy, r.return_origins,
    (select s.kid from signing_keys s
     where s.tenant_id = x.tenant_id and s.status = 'active') as active_kid,
    u.user_id as found_user_id,
    (select lu.language from users lu
     where lu.tenant_id = x.tenant_id and lu.id = u.user_id) as user_language,
    dv.devices,
    (select row_to_json(p) from user_protections p
     where p.tenant_id = x.tenant_id and p.user_id = u.user_id) as protection,
    (select row_to_json(i) from initiators i where i.tenant_id = x.tenant_id
       and i.user_id = u.user_id and i.key = x.initiator_key) as initiator,
    (select row_to_json(o) from initiators o where o.tenant_id = x.tenant_id
       and o.user_id = u.user_id and o.key = '${othersKey}') as others,
    (select row_to_json(f)
     from (select ${otherFactorColumns('x.tenant_id', 'u.user_id')}) f) as factors
  from ${creationItems.as('x')}
  cross join lateral (
    select * from tenants t where t.tenant_id = x.tenant_id offset 0
  ) t
  cross join lateral (
    select r.policy, r.return_origins from relying_parties r
    where r.tenant_id = x.tenant_id and r.id = x.rp_id offset 0
  ) r
  left join lateral (
    (select n.user_id from (${namedUser('x.namespace', 'x.value', 'x.key')}) n
     where x.namespaces ? x.namespace)
    union all
    (select i.user_id from user_identifiers i
     where i.tenant_id = x.tenant_id and i.user_id = x.user_id and x.namespaces ? i.namespace
     limit 1)
  ) u on true
  left join lateral (
    (select 1 as rank, '${'same_key' satisfies Role}' as role, null::json as prompted_devices,
       ${loadedColumns('k')} from challenges k
     where k.tenant_id = x.tenant_id and k.rp_id = x.rp_id
       and k.idempotency_key = x.idempotency_key)
    union all
    (select 2, '${'final' satisfies Role}', null, ${loadedColumns('k')} from challenges k
     where ${isContinued} and ${isFinalRow('k')})
    union all
    (select 3, '${'answered' satisfies Role}', null, ${loadedColumns('k')} from challenges k
     where k.tenant_id = x.tenant_id and k.id = x.superseded_id and k.rp_id = x.rp_id
       and k.user_id = u.user_id and k.decided_device_id is not null)
    union all
    (select 4, '${'pending' satisfies Role}', ${pushedDevices('k')}, ${loadedColumns('k')}
     from challenges k
     where ${isContinued} and k.status = 'pending'
       and (k.budget_key = '${othersKey}' or k.budget_key = x.initiator_key))
    union all
    (select 5, '${'pending' satisfies Role}', ${pushedDevices('k')}, ${loadedColumns('k')}
     from challenges k
     where k.tenant_id = x.tenant_id and k.user_id = u.user_id and ${isPending('k')}
       and k.budget_key = x.browser_key
     order by k.created_at desc limit 1)
    order by rank limit 1
  ) c on true
  left join lateral (
    select json_agg(json_build_object('id', y.id, 'hasVerificationKey', y.has_verification_key,
      'pushProvider', y.push_provider, 'pushEnvironment', y.push_environment, 'appId', y.app_id,
      'pushToken', y.push_token, 'appVersion', y.app_version, 'platform', y.platform,
      'protocolVersion', y.protocol_version, 'parentDeviceId', y.parent_device_id,
      'language', y.language, 'passkey', y.passkey, 'activatedAt', y.activated_at)
      order by y.created_at) as devices
    from (
      select d.id, d.created_at, ${addressColumns('d')}, d.app_version, d.platform,
        d.protocol_version, d.parent_device_id, d.language, d.activated_at,
        (select true from device_keys k where k.tenant_id = d.tenant_id and k.device_id = d.id
          and k.role = 'verification') is true as has_verification_key,
        (select json_build_object('backupEligible', k.backup_eligible) from device_keys k
          where k.tenant_id = d.tenant_id and k.device_id = d.id and k.role = 'verification'
            and k.kind = 'webauthn') as passkey
      from devices d
      where d.tenant_id = x.tenant_id and d.user_id = u.user_id and d.status = 'active'
    ) y
  ) dv on true`,
)

function toItem({ user, namespaces, maySupersede, ...query }: Query): Item {
  const { namespace, value } = 'id' in user ? { namespace: null, value: null } : user
  return {
    ...query,
    browserKey: maySupersede ? query.initiatorKey : null,
    namespaces: JSON.stringify(namespaces),
    userId: 'id' in user ? user.id : null,
    namespace,
    value,
    key: value === null ? null : identifierKey(value),
  }
}

function toAskable(device: LoadedDevice, fallbacks: readonly (string | null)[]): AskableDevice {
  const { id, hasVerificationKey, appId, appVersion, platform, parentDeviceId } = device
  const { protocolVersion, passkey } = device
  const address = toAddress(device)
  return {
    id,
    hasVerificationKey,
    passkey,
    appId,
    appVersion,
    protocolVersion,
    platform,
    parentDeviceId,
    hasPushToken: address !== null,
    address,
    activatedAt: device.activatedAt === null ? null : new Date(device.activatedAt),
    languages: [device.language, ...fallbacks].filter((language) => language !== null),
  }
}

function toFacts(row: CreationRow): CreationFacts {
  const policy = strictest(policyOf(row.policy), row.rpPolicy)
  return {
    now: row.now,
    isKeyLive: row.isKeyLive,
    policy,
    returnOrigins: row.returnOrigins,
    signingKid: row.activeKid,
    userId: row.foundUserId,
    devices: (row.devices ?? []).map((one) => toAskable(one, [row.userLanguage, policy.language])),
    protection: row.protection && toProtection(row.protection),
    initiator: row.initiator && toInitiator(row.initiator),
    others: row.others ? toInitiator(row.others) : unusedBudget,
    otherFactors: otherFactorsOf(policy, toOtherFactors(row.factors)),
    ...toQuestion(row),
  }
}

/** The loaded challenge as what it is to the request. */
function toQuestion(
  row: CreationRow,
): Pick<CreationFacts, 'earlier' | 'finalQuestion' | 'answeredQuestion' | 'pendingQuestion'> {
  const none = { earlier: null, finalQuestion: null, answeredQuestion: null, pendingQuestion: null }
  if (row.role === null) return none
  const challenge = toChallenge(row)
  const { numberSealed, requestHash, chainId, chainStartedAt, promptedDevices } = row
  if (row.role === 'same_key') return { ...none, earlier: { challenge, numberSealed, requestHash } }
  if (row.role === 'final') return { ...none, finalQuestion: challenge }
  if (row.role === 'answered') return { ...none, answeredQuestion: challenge }
  return {
    ...none,
    pendingQuestion: {
      challenge,
      chain: { id: chainId, startedAt: chainStartedAt },
      budget: challenge.budgetKey === othersKey ? 'others' : 'initiator',
      promptedDevices: promptedDevices ?? [],
    },
  }
}

/** The loading half of a creation. */
export function buildCreationFacts(
  database: Database,
  lanes: Lanes,
): Pick<ChallengeStore, 'loadCreation'> {
  const lane = lanes.openReads(database.reserved, {
    name: 'load_creation',
    lineOf: (item: Item) => item.tenantId,
    statement: loadCreation,
    items: creationItems,
  })
  return {
    async loadCreation(query, isGone) {
      const row = await lane(toItem(query), isGone)
      if (!row) throw new Error(`tenant ${query.tenantId} is gone although its key still works`)
      return toFacts(row)
    },
  }
}
