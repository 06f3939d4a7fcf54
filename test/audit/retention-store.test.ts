import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { buildLeftoverPurge, buildPurge } from '../../src/audit/purge-old.ts'
import { activity } from '../../src/domain/activity.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import {
  aDevice,
  anEnrollment,
  aProof,
  aStoredChallenge,
  aUser,
  noExceptions,
  openStores,
  type Stores,
  type TestUser,
} from '../support/stores.ts'

let stores: Stores
let user: TestUser
let device: Awaited<ReturnType<typeof aDevice>>

beforeAll(async () => {
  stores = await openStores()
})
beforeEach(async () => {
  user = await aUser(stores)
  device = await aDevice(stores, user)
})
afterAll(() => stores.close())

let statements = 0
const sql = (text: string, ...values: unknown[]) =>
  stores.database.query<Record<string, unknown>>(`retention_test_${statements++}`, text, values)
const count = async (table: string, where = 'true') => {
  const [row] = await sql(
    `select count(*)::int as n from ${table} where tenant_id = $1 and ${where}`,
    user.tenantId,
  )
  return row?.n
}
/** Signatures are tested elsewhere: test/audit/purge-exemptions.test.ts. */
const signing = {
  hashing: { sha256Base64Url: () => 'digest' },
  signingKeys: { signer: async () => async () => 'signed' },
  clock: { now: () => new Date() },
  publicOrigin: 'https://push.example.com',
}
const purgeAll = async (batch = 500) => {
  const steps = [buildPurge({ ...stores, ...signing }, batch), buildLeftoverPurge(stores, batch)]
  for (const step of steps) while (await step());
}

/** A challenge that ended that many days ago, with a settled push. */
async function anOldChallenge(days: number, more: { status?: string; queued?: boolean } = {}) {
  const id = await aStoredChallenge(stores, user, [device])
  await sql(
    `update challenges set status = $2, decided_at = clock_timestamp() - make_interval(days => $3),
       number_sealed = null where id = $1`,
    id,
    more.status ?? 'approved',
    days,
  )
  await sql(
    `update deliveries set status = $2, settled_at = clock_timestamp() where challenge_id = $1`,
    id,
    more.queued ? 'queued' : 'sent',
  )
  await sql(
    `insert into answers (tenant_id, challenge_id, device_id, jti, decision, outcome, status_after,
       wrong_numbers_left, kid, user_verified)
     values ($1, $2, $3, 'jti', 'approve', 'approved', 'approved', 3, 'kid', true)`,
    user.tenantId,
    id,
    device,
  )
  return id
}

const idsOf = async (table: string) =>
  (await sql(`select id from ${table} where tenant_id = $1 order by id`, user.tenantId)).map(
    ({ id }) => id,
  )

const aReport = (
  status: 'open' | 'resolved',
  days: number,
  about: { challengeId?: string; activityId?: string } = {},
) =>
  sql(
    `insert into reports (tenant_id, id, user_id, device_id, challenge_id, activity_id, status,
      resolution, resolved_at)
     values ($1, $2, $3, $4, $5, $6, $7::text, case $7::text when 'resolved' then 'fraud' end,
       case $7::text when 'resolved' then clock_timestamp() - make_interval(days => $8) end)`,
    user.tenantId,
    random.id('report'),
    user.userId,
    device,
    about.challengeId ?? null,
    about.activityId ?? null,
    status,
    days,
  )

async function anOldActivity(days: number, more: { notice?: string; type?: string } = {}) {
  const id = random.id('activity')
  await sql(
    `insert into activities (tenant_id, id, user_id, type, severity, actor, occurred_at, notice)
     values ($1, $2, $3, $5, 'info', 'service', clock_timestamp() - make_interval(days => $4), $6)`,
    user.tenantId,
    id,
    user.userId,
    days,
    // Chained activities are only deleted after they are linked: test/audit/retention.test.ts.
    more.type ?? 'challenge_created',
    more.notice ?? null,
  )
  return id
}

describe('old challenges', () => {
  test('are deleted with targets, answers and pushes after their time, and no others', async () => {
    await anOldChallenge(92)
    const young = await anOldChallenge(89)
    const withQueuedPush = await anOldChallenge(92, { queued: true })
    const withReport = await anOldChallenge(92)
    await aReport('open', 0, { challengeId: withReport })
    const pending = await aStoredChallenge(stores, user, [device])
    await purgeAll()
    const remaining = [young, withQueuedPush, withReport, pending].toSorted()
    expect(await idsOf('challenges')).toEqual(remaining)
    expect([await count('challenge_targets'), await count('answers')]).toEqual([4, 3])
    expect(await count('deliveries', 'challenge_id is not null')).toBe(4)
  })

  test('old challenges stay as long as the tenant says', async () => {
    await sql(
      `update tenants set policy = '{"challengeRetentionDays": 7}' where tenant_id = $1`,
      user.tenantId,
    )
    await anOldChallenge(9)
    const young = await anOldChallenge(6)
    await purgeAll()
    expect(await idsOf('challenges')).toEqual([young])
  })

  test('are deleted in bounded batches, also by four workers at a time', async () => {
    for (let n = 0; n < 20; n++) await anOldChallenge(92)
    const before = new Date(Date.now() - 90 * 24 * 3600 * 1000)
    const purge = () => stores.retention.purge('challenges', user.tenantId, before, 3, noExceptions)
    expect(await purge()).toBe(3)
    expect(await count('challenges')).toBe(17)
    const purgeCounts = await Promise.all([purge(), purge(), purge(), purge()])
    expect(purgeCounts.every((n) => n <= 3)).toBe(true)
    await Promise.all(Array.from({ length: 4 }, () => purgeAll(3)))
    expect(await count('challenges')).toBe(0)
  })

  test('old challenges are skipped while locked, without waiting', async () => {
    const lockedId = await anOldChallenge(92)
    await anOldChallenge(92)
    await stores.database.transaction(async (tx) => {
      await tx.query('hold', 'select id from challenges where id = $1 for update', [lockedId])
      await purgeAll()
    })
    expect(await idsOf('challenges')).toEqual([lockedId])
  })
})

test('activities without pending notices are deleted, with an audit event', async () => {
  const old = await anOldActivity(402)
  const remaining = [
    await anOldActivity(399),
    await anOldActivity(402, { notice: 'owed' }),
    await anOldActivity(402, { notice: 'waiting' }),
    // Not linked into the audit chain yet.
    await anOldActivity(402, { type: 'device_renamed' }),
    await anOldActivity(402, { type: 'device_renamed' }),
    await anOldActivity(402),
  ]
  // Its link has another time: somebody moved it into the past.
  await sql(
    `insert into audit_links (tenant_id, seq, row_id, occurred_at, core_digest, details_digest,
      hash)
     values ($1, 1, $2, clock_timestamp(), '', '', '')`,
    user.tenantId,
    remaining[4],
  )
  await aReport('open', 0, { activityId: remaining.at(-1) ?? '' })
  const [row] = await sql(
    `select (extract(epoch from occurred_at) * 1000000)::bigint::text as micros from activities
      where id = $1`,
    old,
  )
  await purgeAll()
  expect(await count('activities', `id = '${old}'`)).toBe(1)
  // Not before the chain has its checkpoint.
  await sql('insert into audit_chains (tenant_id, checkpoint_seq) values ($1, 0)', user.tenantId)
  await purgeAll()
  expect(await idsOf('activities')).toEqual(expect.arrayContaining(remaining))
  expect(await count('activities', `id = '${old}'`)).toBe(0)
  const events = await sql(
    `select details from audit_events where tenant_id = $1 and type = 'activities_purged'`,
    user.tenantId,
  )
  const beforeMicros = `${BigInt(`${row?.micros}`) + 1n}`
  const details = { beforeMicros, count: 1, links: '', exemption: 'signed' }
  expect(events).toEqual([{ details }])
})

test('the links of deleted activities are given in the order of the chain', async () => {
  await sql('insert into audit_chains (tenant_id, checkpoint_seq) values ($1, 0)', user.tenantId)
  const ids = [await anOldActivity(402), await anOldActivity(402)]
  await sql(
    `insert into audit_links
     select tenant_id, 3 - array_position($2::text[], id), id, occurred_at, '', '', '' from activities
     where tenant_id = $1 and id = any($2)`,
    user.tenantId,
    ids,
  )
  const exempt = vi.fn(async () => ({}))
  await stores.retention.purge('activities', user.tenantId, new Date(), 10, exempt)
  expect(exempt).toHaveBeenCalledWith(
    expect.objectContaining({ links: [1, 2].map((seq) => ({ seq, hash: '' })) }),
  )
})

test('ended enrollments are deleted, except of live devices; devices always stay', async () => {
  const unregisteredId = await aDevice(stores, user)
  await anEnrollment(stores, user)
  await sql(`update enrollments set expires_at = clock_timestamp() - interval '92 days'`)
  const young = await anEnrollment(stores, user)
  const { tenantId, userId } = user
  const reason = { reason: 'lost', actor: 'operator' } as const
  await stores.devices.unregister({ tenantId, userId, deviceIds: [unregisteredId], ...reason })
  await purgeAll()
  const rows = await sql('select id, device_id from enrollments where tenant_id = $1', tenantId)
  expect(rows.map(({ id, device_id }) => device_id ?? id).toSorted()).toEqual(
    [device, young.id].toSorted(),
  )
  expect(await idsOf('devices')).toEqual([device, unregisteredId].toSorted())
})

test('reports are deleted long after they were resolved; open ones stay', async () => {
  await aReport('resolved', 402)
  await aReport('resolved', 399)
  await aReport('open', 0)
  await sql(`update reports set created_at = clock_timestamp() - interval '800 days'`)
  await purgeAll()
  expect(await count('reports')).toBe(2)
})

test('portal sessions are deleted a month after their end', async () => {
  const { tenantId, rpId, userId } = user
  const add = (linkDays: number, sessionDays: number | null) =>
    sql(
      `insert into portal_sessions (tenant_id, id, user_id, rp_id, link_hash, link_expires_at,
        expires_at)
       values ($1, $2, $3, $4, $5, clock_timestamp() - make_interval(days => $6),
         clock_timestamp() - make_interval(days => $7))`,
      tenantId,
      random.id('portalSession'),
      userId,
      rpId,
      Buffer.from(random.token(32)),
      linkDays,
      sessionDays,
    )
  for (const [link, session] of [
    [31, null],
    [31, 31],
    [29, null],
    [31, 29],
  ] as const) {
    await add(link, session)
  }
  await purgeAll()
  expect(await count('portal_sessions')).toBe(2)
})

test('test pushes are deleted a week after they were settled', async () => {
  const add = (status: string, days: number | null) =>
    sql(
      `insert into deliveries (tenant_id, id, kind, device_id, status, due_at, settled_at)
       values ($1, $2, 'test', $3, $4, clock_timestamp(),
         clock_timestamp() - make_interval(days => $5))`,
      user.tenantId,
      random.id('delivery'),
      device,
      status,
      days,
    )
  await add('sent', 8)
  await add('failed', 8)
  await add('sent', 6)
  await add('queued', null)
  await purgeAll()
  expect(await count('deliveries', `kind = 'test'`)).toBe(2)
})

test('idle initiators are deleted, but never the budget of the unknown ones', async () => {
  const now = Date.now()
  const days = (n: number) => new Date(now - n * 24 * 3600 * 1000)
  const add = (key: string, row: Record<string, unknown>) =>
    sql(
      `insert into initiators (tenant_id, user_id, key, approved_at, blocked_until, pushes, pending,
        unanswered)
       values ($1, $2, $3, $4, $5, $6, $7, 4)`,
      user.tenantId,
      user.userId,
      key,
      row.approvedAt ?? null,
      row.blockedUntil ?? null,
      JSON.stringify(row.pushes ?? []),
      JSON.stringify(row.pending ?? {}),
    )
  await add('idle', { pushes: [{ c: 'chl', t: days(2).getTime() }], blockedUntil: days(1) })
  await add('forgotten', { approvedAt: days(91) })
  await add('known', { approvedAt: days(89) })
  await add('blocked', { blockedUntil: new Date(now + 3_600_000) })
  await add('busy', { pending: { chl: now + 60_000 } })
  await add('pushed', { pushes: [{ c: 'chl', t: now - 3_600_000 }] })
  await add('others', {})
  // Pages of two: the walk continues after the rows that it left.
  await purgeAll(2)
  const rows = await sql('select key from initiators where tenant_id = $1', user.tenantId)
  expect(rows.map(({ key }) => key).toSorted()).toEqual([
    'blocked',
    'busy',
    'known',
    'others',
    'pushed',
  ])
})

test('passcode budgets are deleted when forgiven and too old', async () => {
  const add = (name: string, clearDays: number, succeededDays: number | null) =>
    sql(
      `insert into passcode_budgets (tenant_id, user_id, name, clear_at, succeeded_at)
       values ($1, $2, $3, clock_timestamp() - make_interval(days => $4),
         clock_timestamp() - make_interval(days => $5))`,
      user.tenantId,
      user.userId,
      name,
      clearDays,
      succeededDays,
    )
  await add('forgiven', 1, null)
  await add('forgotten', 91, 91)
  await add('pending', -1, null)
  await add('known', 10, 89)
  await purgeAll(1)
  const rows = await sql('select name from passcode_budgets where tenant_id = $1', user.tenantId)
  expect(rows.map(({ name }) => name).toSorted()).toEqual(['known', 'pending'])
})

test('single-use codes are deleted a month after use or expiry; valid ones stay', async () => {
  const add = (kind: string, expiresDays: number | null, usedDays: number | null) =>
    sql(
      `insert into single_use_codes (tenant_id, id, user_id, kind, hash, key_sealed, expires_at,
        used_at)
       values ($1, $2, $3, $4, '', '', clock_timestamp() - make_interval(days => $5),
         clock_timestamp() - make_interval(days => $6))`,
      user.tenantId,
      random.id('singleUseCode'),
      user.userId,
      kind,
      expiresDays,
      usedDays,
    )
  await add('recovery_code', null, 31)
  await add('temporary_code', 31, null)
  await add('recovery_code', null, null)
  await add('recovery_code', null, 29)
  await add('temporary_code', 29, null)
  await purgeAll()
  expect(await count('single_use_codes')).toBe(3)
})

test('diagnostics are deleted after their time', async () => {
  const add = async (days: number) => {
    const id = random.id('diagnostics')
    const { tenantId, userId } = user
    const diagnostics = { tenantId, id, userId, deviceId: device, appVersion: '1', text: 'x' }
    const proof = aProof(user, device)
    const notice = activity({ userId, type: 'diagnostics_sent', actor: `device:${device}` })
    expect(await stores.diagnostics.create(diagnostics, 5, notice, proof)).toEqual({
      kind: 'added',
    })
    await sql(
      `update diagnostics set created_at = clock_timestamp() - make_interval(days => $2)
        where id = $1`,
      id,
      days,
    )
    return id
  }
  await add(16)
  const young = await add(13)
  await purgeAll()
  expect(await idsOf('diagnostics')).toEqual([young])
})
