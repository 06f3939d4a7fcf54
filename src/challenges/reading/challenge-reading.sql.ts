// Reading challenges by their ids, for all who ask at the same time.

import type { Challenge } from '../../domain/challenge.ts'
import type { Platform } from '../../domain/device.ts'
import type { ChallengeId, RelyingPartyId, TenantId } from '../../domain/ids.ts'
import { firstVersion } from '../../domain/protocol-version.ts'
import type { Database } from '../../platform/postgres/database.ts'
import type { Lanes } from '../../platform/postgres/lane.ts'
import { type ListParams, rowList } from '../../platform/postgres/row-list.ts'
import { statement } from '../../platform/postgres/statement.ts'
import { challengeColumns, toChallenge } from '../challenge.rows.ts'
import type { ChallengeRecord, ChallengeStore } from '../challenge.store.ts'
import {
  type DeviceProgressJson,
  deviceProgressJson,
  readDeviceProgress,
} from './device-progress.sql.ts'

type Item = {
  readonly tenantId: TenantId
  readonly rpId: RelyingPartyId
  readonly id: ChallengeId
}

type FoundRow = Challenge & {
  readonly n: number
  readonly now: Date
  readonly devices: DeviceProgressJson[]
  readonly decidedActivatedAt: Date | null
  readonly decidedPlatform: Platform | null
  readonly decidedVerified: boolean | null
  readonly decidedAttested: boolean
  readonly decidedVersion: number | null
}

const items = rowList<'item', Item>('item', { tenantId: 'text', rpId: 'text', id: 'text' })

const findChallenges = statement<ListParams<'item', Item>, FoundRow>(
  'find_challenges',
  `select x.n::int as n, ${challengeColumns('c')}, clock_timestamp() as now,
    ${deviceProgressJson('c.tenant_id', 'c.id')} as devices,
    v.activated_at as decided_activated_at, v.platform as decided_platform,
    (v.attestation_verdict = 'verified' or c.decided_at < v.attested_until) is true
      as decided_attested,
    (select t.protocol_version from challenge_targets t
     where t.tenant_id = c.tenant_id and t.challenge_id = c.id
       and t.device_id = c.decided_device_id) as decided_version,
    (select a.user_verified from answers a
     where a.tenant_id = c.tenant_id and a.challenge_id = c.id
       and a.outcome in ('approved', 'denied')
       and a.device_id = c.decided_device_id) as decided_verified
  from ${items.as('x')}
  cross join lateral (
    select * from challenges c
    where c.tenant_id = x.tenant_id and c.rp_id = x.rp_id and c.id = x.id offset 0
  ) c
  left join lateral (
    select v.activated_at, v.platform, v.attestation_verdict, v.attested_until from devices v
    where v.tenant_id = c.tenant_id and v.id = c.decided_device_id offset 0
  ) v on true`,
)

function toRecord(row: FoundRow): ChallengeRecord {
  const challenge = toChallenge(row)
  const { decidedDeviceId } = challenge
  return {
    challenge,
    devices: readDeviceProgress(row.devices),
    decidedBy: decidedDeviceId && {
      id: decidedDeviceId,
      activatedAt: row.decidedActivatedAt,
      platform: row.decidedPlatform ?? 'other',
      userVerified: row.decidedVerified === true,
      hardwareBacked: row.decidedAttested,
      protocolVersion: row.decidedVersion ?? firstVersion,
    },
    now: row.now,
  }
}

/** The reading half of the challenge store. */
export function buildChallengeReading(
  database: Database,
  lanes: Lanes,
): Pick<ChallengeStore, 'find'> {
  const lane = lanes.openReads(database.reserved, {
    name: 'find',
    lineOf: (item: Item) => item.tenantId,
    statement: findChallenges,
    items: items,
  })
  return {
    async find(tenantId, rpId, id) {
      const row = await lane({ tenantId, rpId, id })
      return row && toRecord(row)
    },
  }
}
