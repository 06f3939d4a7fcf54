import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { activity } from '../../src/domain/activity.ts'
import { confirmEnrollment } from '../../src/domain/enrollment.ts'
import type { ChallengeId, DeviceId } from '../../src/domain/ids.ts'
import {
  confirm,
  numberSealed,
  runOut as runOutEnrollment,
} from '../enrollments/enrollment-steps.ts'
import { repetitions } from '../support/endurance.ts'
import { bothPaths } from '../support/lanes.ts'
import {
  aClaim,
  aNewChallenge,
  anEnrollment,
  anyRequest,
  aProof,
  aUser,
  openStores,
  type Stores,
  type TestUser,
  thumbprint,
} from '../support/stores.ts'
import { type AnswerKind, answer, cancel, resend, runOut, unregister } from './challenge-steps.ts'

let openedStores: Stores
let stores: Stores
let user: TestUser

beforeAll(async () => {
  openedStores = await openStores(16)
})
afterAll(() => openedStores.close())

const devicesPerUserMax = 4
const tokenHash = randomBytes(32)

const operations = [
  'open and claim',
  'confirm',
  'confirm wrongly',
  'guess',
  'cancel an enrollment',
  'let an enrollment run out',
  'open and claim',
  'open and claim',
  'confirm',
  'create',
  'create',
  'create',
  'create once',
  'approve',
  'approve',
  'deny',
  'wrong number',
  'cancel',
  'expire one',
  'sweep',
  'resend',
  'let a challenge run out',
  'fetch',
  'unregister one',
  'unregister all',
  'set a token',
  'drop a token',
  'rename',
  'deliver',
] as const
type Operation = (typeof operations)[number]

/** One random row, of those that exist at this moment. */
async function anyRow<Row extends object>(from: string, seed: number): Promise<Row | undefined> {
  const rows = await stores.database.query<Row & { readonly id: string }>(
    `any_${from.replaceAll(/[^a-z]+/g, '_').slice(0, 50)}`,
    `select * from ${from} and tenant_id = $1 order by id desc limit 6`,
    [user.tenantId],
  )
  return rows[seed % Math.max(1, rows.length)]
}

const aLiveDevice = async (seed: number) =>
  (await anyRow<{ id: DeviceId }>(`devices where status = 'active'`, seed))?.id
const aPendingChallenge = async (seed: number) => {
  const row = await anyRow<{ id: ChallengeId }>(`challenges where status = 'pending'`, seed)
  if (!row) return undefined
  return (await stores.challenges.find(user.tenantId, user.rpId, row.id))?.challenge
}
const anOpenEnrollment = async (status: 'open' | 'claimed', seed: number) => {
  const row = await anyRow<{ id: `enr_${string}` }>(`enrollments where status = '${status}'`, seed)
  const record = row && (await stores.enrollments.find(user.tenantId, row.id))
  return record?.enrollment.status === status ? record.enrollment : undefined
}

async function enroll(seed: number) {
  const oldDeviceId = seed % 3 === 0 ? await aLiveDevice(seed) : undefined
  const enrollment = await anEnrollment(stores, user, {
    confirmationRequired: seed % 2 === 0,
    ...(oldDeviceId && { replacesDeviceId: oldDeviceId }),
  })
  if (seed % 5 === 0) return
  const numberOption = enrollment.confirmationRequired && { numberSealed }
  await stores.enrollments.claim(
    aClaim(enrollment, { ...numberOption, tokenHash, devicesPerUserMax }),
  )
}

async function confirmAny(seed: number, matches: boolean) {
  const enrollment = await anOpenEnrollment('claimed', seed)
  if (!enrollment) return
  await confirm(stores, user, enrollment, confirmEnrollment(enrollment.wrongNumbersLeft, matches))
}

async function cancelEnrollment(seed: number) {
  const enrollment = await anOpenEnrollment(seed % 2 === 0 ? 'open' : 'claimed', seed)
  if (!enrollment) return
  const about = { userId: user.userId, actor: 'operator', enrollmentId: enrollment.id } as const
  const event = activity({ ...about, type: 'enrollment_cancelled' })
  await stores.enrollments.cancel(user.tenantId, enrollment.id, user.rpId, event)
}

async function create(idempotencyKey: string | null) {
  const facts = await stores.challenges.loadCreation({
    tenantId: user.tenantId,
    rpId: user.rpId,
    namespaces: ['default'],
    user: { id: user.userId },
    idempotencyKey,
    ...anyRequest,
  })
  const ids = facts.devices.map(({ id }) => id)
  if (ids.length === 0) return
  await stores.challenges.create(await aNewChallenge(stores, user, ids, { idempotencyKey }), 'test')
}

async function answerAny(seed: number, kind: AnswerKind) {
  const [challenge, device] = [await aPendingChallenge(seed), await aLiveDevice(seed)]
  if (!challenge || !device) return
  const query = { tenantId: user.tenantId, challengeId: challenge.id, deviceId: device, jti: 'x' }
  const target = (await stores.challenges.loadAnswer(query))?.target
  if (target?.challenge.status !== 'pending') return
  const more = { closingDeviceIds: target.otherDeviceIds }
  await answer(stores, user, target.challenge, device, kind, more)
}

async function changeDevice(operation: Operation, seed: number) {
  const id = await aLiveDevice(seed)
  if (!id) return
  const { tenantId } = user
  if (operation === 'rename') {
    await stores.devices.changeWithProof(
      tenantId,
      id,
      { name: `Phone ${seed}` },
      null,
      aProof(user, id),
    )
    return
  }
  const address = { provider: 'fcm', environment: 'production', appId: 'app' } as const
  const token = { ...address, tokenSealed: randomBytes(20), tokenHash }
  await stores.devices.setPushToken(tenantId, id, token, aProof(user, id))
}

async function fetchAny(seed: number) {
  const id = await aLiveDevice(seed)
  if (!id) return
  const fetchedChallenges = await stores.challenges.loadPending(user.tenantId, id)
  const ids = fetchedChallenges?.pending.map(({ challengeId }) => challengeId) ?? []
  await stores.challenges.markFetched(user.tenantId, id, ids)
  const [first] = ids
  if (first) await stores.challenges.markReceived(first, aProof(user, id))
}

async function deliver(seed: number) {
  const leasedBy = `worker-${seed % 3}`
  const due = await stores.deliveries.claim(leasedBy, 5)
  const outcome =
    seed % 2 === 0
      ? ({ status: 'sent', providerMessageId: 'p' } as const)
      : ({ status: 'queued', reason: 'retry', retryAfterMs: 0 } as const)
  const settlements = due.map(({ tenantId, id }) => ({ tenantId, id, outcome }))
  await stores.deliveries.settle(leasedBy, settlements)
  await stores.deliveries.suppressEnded(5)
  await stores.deliveries.purgeProofs(5)
}

async function act(operation: Operation, seed: number): Promise<unknown> {
  const { tenantId } = user
  switch (operation) {
    case 'open and claim':
      return enroll(seed)
    case 'confirm':
    case 'confirm wrongly':
      return confirmAny(seed, operation === 'confirm')
    case 'guess':
      return stores.enrollments.findByTypedCode(tenantId, 'alice', randomBytes(32))
    case 'cancel an enrollment':
      return cancelEnrollment(seed)
    case 'let an enrollment run out': {
      const enrollment = await anOpenEnrollment('claimed', seed)
      return enrollment && runOutEnrollment(stores, enrollment)
    }
    case 'create':
    case 'create once':
      return create(operation === 'create' ? null : `key-${seed % 3}`)
    case 'approve':
    case 'deny':
    case 'wrong number':
      return answerAny(seed, operation)
    case 'fetch':
      return fetchAny(seed)
    case 'sweep':
      return stores.challenges.expire(null, 5)
    case 'unregister one': {
      const id = await aLiveDevice(seed)
      return id && unregister(stores, user, id)
    }
    case 'unregister all':
      return seed % 4 === 0 ? unregister(stores, user) : undefined
    case 'set a token':
    case 'rename':
      return changeDevice(operation, seed)
    case 'drop a token':
      return stores.devices.dropPushToken(tokenHash, null, null)
    case 'deliver':
      return deliver(seed)
    default: {
      const challenge = await aPendingChallenge(seed)
      if (!challenge) return undefined
      if (operation === 'cancel') return cancel(stores, user, challenge.id)
      if (operation === 'expire one')
        return stores.challenges.expire({ tenantId, id: challenge.id }, 1)
      if (operation === 'resend') return challenge.resendsLeft > 0 && resend(stores, challenge)
      return runOut(stores, challenge.id)
    }
  }
}

/** Rows that must never exist. */
const never = {
  'a user with more live devices than the policy allows': `
    select user_id from devices where status = 'active' group by user_id
    having count(*) > ${devicesPerUserMax}`,
  'an active device whose enrollment is not completed': `
    select d.id from devices d join enrollments e on e.tenant_id = d.tenant_id
      and e.id = d.enrollment_id
    where d.status = 'active' and (e.status <> 'completed' or e.device_id <> d.id)`,
  'a waiting device whose enrollment is over': `
    select d.id from devices d join enrollments e on e.tenant_id = d.tenant_id
      and e.id = d.enrollment_id
    where d.status = 'unconfirmed' and e.status <> 'claimed'`,
  'an enrollment that brought two devices': `
    select enrollment_id from devices group by tenant_id, enrollment_id having count(*) > 1`,
  'a code with a negative number of attempts left': `
    select id from enrollments where code_tries_left < 0 or wrong_numbers_left < 0`,
  'a number that outlived its enrollment': `
    select id from enrollments where status not in ('open', 'claimed')
      and number_sealed is not null`,
  'a push token on a device that is unregistered': `
    select id from devices where status = 'unregistered' and push_token_sealed is not null`,
  'a pending challenge that nobody can answer': `
    select c.id from challenges c where c.status = 'pending' and c.expires_at > clock_timestamp()
      and not exists (select from challenge_targets t join devices d
        on d.tenant_id = t.tenant_id and d.id = t.device_id and d.status = 'active'
        where t.tenant_id = c.tenant_id and t.challenge_id = c.id)`,
  'an approval by a device that was unregistered': `
    select c.id from challenges c join devices d on d.tenant_id = c.tenant_id
      and d.id = c.decided_device_id
    where d.unregistered_at <= c.decided_at`,
  'an approval by a device that was no target': `
    select c.id from challenges c where c.decided_device_id is not null and not exists (
      select from challenge_targets t where t.tenant_id = c.tenant_id and t.challenge_id = c.id
        and t.device_id = c.decided_device_id)`,
  'a decision after its time': `
    select c.id from challenges c join answers a on a.tenant_id = c.tenant_id
      and a.challenge_id = c.id
    where a.outcome <> 'wrong_number' and a.created_at <> c.decided_at`,
  'an approved challenge without exactly one approving answer': `
    select c.id from challenges c left join answers a on a.tenant_id = c.tenant_id
      and a.challenge_id = c.id and a.outcome = 'approved' and a.device_id = c.decided_device_id
    where c.status = 'approved' group by c.tenant_id, c.id having count(a.jti) <> 1`,
  'a wrong number that was not counted, or counted twice': `
    select c.id from challenges c left join answers a on a.tenant_id = c.tenant_id
      and a.challenge_id = c.id and a.outcome = 'wrong_number'
    group by c.tenant_id, c.id, c.wrong_numbers_left having count(a.jti) <> 3 -
      c.wrong_numbers_left`,
  'a challenge whose end was not recorded exactly once': `
    select c.id from challenges c left join activities a on a.tenant_id = c.tenant_id
      and a.challenge_id = c.id and a.type in ('challenge_approved', 'challenge_denied',
        'challenge_expired', 'challenge_cancelled')
    group by c.tenant_id, c.id, c.status
    having count(a.id) <> case when c.status = 'pending' then 0 else 1 end`,
  'a device whose unregistration was not recorded exactly once': `
    select d.id from devices d left join activities a on a.tenant_id = d.tenant_id
      and a.device_id = d.id and a.type = 'device_unregistered'
    group by d.tenant_id, d.id, d.status
    having count(a.id) <> case when d.status = 'unregistered' then 1 else 0 end`,
  'two challenges under one Idempotency-Key': `
    select idempotency_key from challenges where idempotency_key is not null
    group by tenant_id, rp_id, idempotency_key having count(*) > 1`,
  'a closing push for a challenge that is pending': `
    select o.id from deliveries o join challenges c on c.tenant_id = o.tenant_id
      and c.id = o.challenge_id
    where o.kind = 'challenge_closed' and c.status = 'pending'`,
}

test.each(bothPaths)(
  'concurrent operations on one user, %s: no deadlock, no error, no broken invariant',
  async (_, on) => {
    stores = on(openedStores)
    user = await aUser(stores)
    const count = repetitions({ usual: 800, nightly: 5_000 })
    const script = fc.array(fc.tuple(fc.constantFrom(...operations), fc.nat(1_000)), {
      minLength: count,
      maxLength: count,
    })
    const [steps = []] = fc.sample(script, { numRuns: 1, seed: Number(process.env.SEED ?? 20_261) })
    for (let device = 0; device < 3; device++) {
      const enrollment = await anEnrollment(stores, user)
      await stores.enrollments.claim(aClaim(enrollment, { tokenHash, keys: [] }))
    }
    const remaining = steps.values()
    const failures: unknown[] = []
    const work = async () => {
      for (const [doing, seed] of remaining) {
        await act(doing, seed).catch((error: unknown) => failures.push({ doing, seed, error }))
      }
    }
    await Promise.all(Array.from({ length: 14 }, work))

    expect(failures).toEqual([])
    for (const [what, text] of Object.entries(never)) {
      const rows = await stores.database.query(`never_${thumbprint().slice(0, 10)}`, text, [])
      expect(rows, what).toEqual([])
    }
    const counts = await stores.database.query(
      'counts',
      'select status, count(*)::int as n from challenges where tenant_id = $1 group by status',
      [user.tenantId],
    )
    // A script in which nothing happened proves nothing.
    expect(counts.map(({ status }) => status).toSorted()).toEqual(
      expect.arrayContaining(['approved', 'denied']),
    )
  },
)
