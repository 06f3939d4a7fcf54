// Reading challenges by their ids, for all who ask at the same time.

import type { Challenge } from '../domain/challenge.ts'
import type { ChallengeId, RelyingPartyId, TenantId } from '../domain/ids.ts'
import { readTime } from '../platform/postgres/column-types.ts'
import type { Database } from '../platform/postgres/database.ts'
import type { Lanes } from '../platform/postgres/lane.ts'
import { type ListParams, rowList } from '../platform/postgres/row-list.ts'
import { statement } from '../platform/postgres/statement.ts'
import { challengeColumns, toChallenge } from './challenge.rows.ts'
import type { ChallengeRecord, ChallengeStore, DeviceProgress } from './challenge.store.ts'

type Item = {
  readonly tenantId: TenantId
  readonly rpId: RelyingPartyId
  readonly id: ChallengeId
}

type FoundRow = Challenge & {
  readonly n: number
  readonly now: Date
  readonly devices: {
    deviceId: DeviceProgress['deviceId']
    fetchedAt: string | null
    receivedAt: string | null
    status: NonNullable<DeviceProgress['push']>['status'] | null
    reason: string | null
    attempts: number
    settledAt: string | null
  }[]
  readonly decidedActivatedAt: Date | null
  readonly decidedVerified: boolean | null
  readonly decidedAttested: boolean | null
}

const items = rowList<'item', Item>('item', { tenantId: 'text', rpId: 'text', id: 'text' })

// `is true` keeps the device out of every index: it may have been sent thousands of pushes, the
// challenge a few.
const findChallenges = statement<ListParams<'item', Item>, FoundRow>(
  'find_challenges',
  `select x.n::int as n, ${challengeColumns('c')}, clock_timestamp() as now, p.devices,
    v.activated_at as decided_activated_at,
    v.attestation_verdict = 'verified' as decided_attested,
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
    select v.activated_at, v.attestation_verdict from devices v
    where v.tenant_id = c.tenant_id and v.id = c.decided_device_id offset 0
  ) v on true
  left join lateral (
    select json_agg(json_build_object('deviceId', t.device_id, 'fetchedAt', t.fetched_at,
      'receivedAt', t.received_at, 'status', o.status, 'reason', o.reason, 'attempts', o.attempts,
      'settledAt', o.settled_at) order by t.device_id) as devices
    from challenge_targets t
    left join lateral (
      select d.status, d.reason, d.attempts, d.settled_at from deliveries d
      where d.tenant_id = t.tenant_id and d.challenge_id = t.challenge_id
        and (d.device_id = t.device_id) is true and d.kind = 'challenge_opened'
      order by d.id desc limit 1
    ) o on true
    where t.tenant_id = c.tenant_id and t.challenge_id = c.id
  ) p on true`,
)

function toProgress(row: FoundRow['devices'][number]): DeviceProgress {
  const date = (text: string | null) => (text === null ? null : readTime(text))
  return {
    deviceId: row.deviceId,
    fetchedAt: date(row.fetchedAt),
    receivedAt: date(row.receivedAt),
    push: row.status && {
      status: row.status,
      reason: row.reason,
      attempts: row.attempts,
      settledAt: date(row.settledAt),
    },
  }
}

function toRecord(row: FoundRow): ChallengeRecord {
  const challenge = toChallenge(row)
  const { decidedDeviceId } = challenge
  return {
    challenge,
    devices: row.devices.map(toProgress),
    decidedBy: decidedDeviceId && {
      id: decidedDeviceId,
      activatedAt: row.decidedActivatedAt,
      userVerified: row.decidedVerified === true,
      hardwareBacked: row.decidedAttested === true,
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
