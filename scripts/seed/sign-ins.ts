// A month of sign-ins, written as the service would have: each request with its hash, each answer
// signed by its phone. They have ended, so no guard of a pending challenge is passed by.

import { signAnswer } from '../../clients/device/src/answer.ts'
import { newJti } from '../../clients/device/src/compact-jws.ts'
import { challengeTarget } from '../../src/challenges/challenge-targets.ts'
import { answerBinding } from '../../src/challenges/read-evidence.ts'
import { type Actor, activity, type OwnActivityType } from '../../src/domain/activity.ts'
import type { Decision } from '../../src/domain/answer.ts'
import { nonceOf } from '../../src/domain/approval-request.ts'
import type { Challenge } from '../../src/domain/challenge.ts'
import { issuerOf } from '../../src/domain/issuer.ts'
import { planNumber } from '../../src/domain/number-match.ts'
import type { Policy } from '../../src/domain/policy.ts'
import { actorOf, type Principal, permittedAs } from '../../src/domain/principal.ts'
import { mustGrant, type SeedPhone } from './enroll-phone.ts'
import type { Installation } from './installation.ts'
import { bytes, insertRows } from './past.ts'
import { anyContext, type Course } from './people.ts'

/** Who answers where, when and how. */
export type SignIn = {
  readonly principal: Principal
  readonly policy: Policy
  readonly signingKid: string
  readonly phone: SeedPhone
  readonly at: Date
  readonly course: Course
}

type Row = Readonly<Record<string, unknown>>
const tables = ['challenges', 'challenge_targets', 'answers', 'activities', 'reports'] as const
type Rows = Record<(typeof tables)[number], Row[]>

const later = (time: Date, seconds: number) => new Date(time.getTime() + seconds * 1000)
const isAnswer = (course: Course) => course !== 'expire' && course !== 'cancel'

/** The challenge as it is when it has ended. */
function finishedChallenge(installation: Installation, signIn: SignIn): Challenge {
  const { principal, policy, signingKid, phone, at, course } = signIn
  const plan = mustGrant(planNumber(policy, { mode: 'service' }, permittedAs(principal)))
  const expiresAt = later(at, policy.challengeTtlSeconds)
  const statuses = {
    deny: 'denied',
    report: 'denied',
    expire: 'expired',
    cancel: 'cancelled',
  } as const
  const reasons = { deny: 'user_denied', report: 'user_reported' } as const
  const isApproved = course === 'approve' || course === 'approve_second_try'
  return {
    tenantId: principal.tenantId,
    id: installation.random.id('challenge'),
    rpId: principal.rpId,
    userId: phone.userId,
    status: isApproved ? 'approved' : statuses[course],
    reason: course === 'deny' || course === 'report' ? reasons[course] : null,
    context: anyContext(principal.rpName),
    numberMode: plan.mode,
    numberDigits: plan.digits,
    wrongNumbersLeft: plan.wrongNumbersMax - (course === 'approve_second_try' ? 1 : 0),
    userVerification: policy.userVerification === 'required' ? 'required' : 'preferred',
    binding: installation.random.token(24),
    returnUrl: null,
    deliveryMode: 'pull_only',
    suppressed: 'no_push_token',
    initiatorKey: null,
    budgetKey: 'others',
    signingKid,
    resultJti: installation.random.token(16),
    resendsLeft: policy.resendsMax,
    lastPushAt: null,
    createdAt: at,
    expiresAt,
    decidedAt: course === 'expire' ? expiresAt : later(at, 9 + Math.floor(Math.random() * 20)),
    decidedDeviceId: isAnswer(course) ? phone.deviceId : null,
  }
}

function challengeRow(installation: Installation, one: Challenge): Row {
  return {
    tenant_id: one.tenantId,
    id: one.id,
    rp_id: one.rpId,
    user_id: one.userId,
    status: one.status,
    reason: one.reason,
    context: one.context,
    number_mode: one.numberMode,
    number_digits: one.numberDigits,
    number_sealed: null,
    wrong_numbers_left: one.wrongNumbersLeft,
    user_verification: one.userVerification,
    binding: one.binding,
    delivery_mode: one.deliveryMode,
    suppressed: one.suppressed,
    budget_key: one.budgetKey,
    signing_kid: one.signingKid,
    result_jti: one.resultJti,
    request_hash: bytes(installation.hashing.sha256(one.id)),
    resends_left: one.resendsLeft,
    created_at: one.createdAt,
    expires_at: one.expiresAt,
    decided_at: one.decidedAt,
    decided_device_id: one.decidedDeviceId,
  }
}

/** What the phone signs, as its app does. */
function sign(
  { publicOrigin, random }: Installation,
  { phone, principal }: SignIn,
  challenge: Challenge & { readonly decidedAt: Date },
  target: ReturnType<typeof challengeTarget>,
  { decision, jti }: { readonly decision: Decision; readonly jti: string },
): Promise<string> {
  const request = {
    ...challenge,
    challengeId: challenge.id,
    context: { ...challenge.context, relyingParty: principal.rpName },
    nonce: nonceOf(target.requestPayload),
    requestHash: target.requestHash,
    protocolVersion: target.protocolVersion,
  }
  const number = decision === 'approve' ? random.digits(challenge.numberDigits ?? 6) : null
  const account = {
    deviceId: phone.deviceId,
    user: { id: phone.userId, displayName: '' },
    issuer: issuerOf(publicOrigin, principal.tenantId),
  }
  return signAnswer(request, { decision, number, jti }, phone.keys, account, challenge.decidedAt)
}

/** The answers of the phone, the wrong number among them; only what decided is kept as evidence. */
async function answerRows(
  installation: Installation,
  signIn: SignIn,
  challenge: Challenge,
  target: ReturnType<typeof challengeTarget>,
): Promise<Row[]> {
  const { principal, phone, course } = signIn
  const { decidedAt } = challenge
  if (decidedAt === null || !isAnswer(course)) return []
  const decision = course === 'deny' || course === 'report' ? course : 'approve'
  const key = decision === 'approve' ? phone.keys.verification : phone.keys.possession
  const jti = newJti()
  const about = { tenantId: principal.tenantId, challengeId: challenge.id, jti }
  const jws = await sign(installation, signIn, { ...challenge, decidedAt }, target, {
    decision,
    jti,
  })
  const row = {
    tenant_id: principal.tenantId,
    challenge_id: challenge.id,
    device_id: phone.deviceId,
    jti,
    kid: key?.kid,
    user_verified: key === phone.keys.verification,
    decision,
    outcome: challenge.status,
    status_after: challenge.status,
    wrong_numbers_left: challenge.wrongNumbersLeft,
    jws_sealed: bytes(installation.sealing.seal(jws, answerBinding(about))),
    created_at: decidedAt,
  }
  if (course !== 'approve_second_try') return [row]
  const wrong = { outcome: 'wrong_number', status_after: 'pending', jws_sealed: null }
  return [{ ...row, ...wrong, jti: newJti(), created_at: later(challenge.createdAt, 6) }, row]
}

const ends = {
  approve: ['challenge_approved'],
  approve_second_try: ['number_failed', 'challenge_approved'],
  deny: ['challenge_denied'],
  report: ['challenge_reported', 'push_locked'],
  expire: ['challenge_expired'],
  cancel: ['challenge_cancelled'],
} as const satisfies Record<Course, readonly OwnActivityType[]>

function activityRows(installation: Installation, signIn: SignIn, challenge: Challenge): Row[] {
  const { principal, phone, course } = signIn
  const rowOf = (
    type: OwnActivityType,
    actor: Actor,
    occurredAt: Date | null,
    details: Readonly<Record<string, string>> = {},
  ): Row => {
    installation.setMoment(occurredAt ?? challenge.createdAt)
    const { severity } = activity({ userId: phone.userId, type, actor })
    return {
      tenant_id: principal.tenantId,
      id: installation.random.id('activity'),
      user_id: phone.userId,
      type,
      severity,
      actor,
      challenge_id: challenge.id,
      device_id: actor.startsWith('device:') ? phone.deviceId : null,
      details,
      occurred_at: occurredAt,
      // Nobody is notified a month later.
      notice: severity === 'critical' ? 'stale' : null,
    }
  }
  const actors = { expire: 'service', cancel: actorOf(principal) } as const
  const actor: Actor =
    course === 'expire' || course === 'cancel' ? actors[course] : `device:${phone.deviceId}`
  const details = {
    number: challenge.numberMode,
    delivery: 'pull_only',
    suppressed: 'no_push_token',
  }
  return [
    rowOf('challenge_created', actorOf(principal), challenge.createdAt, details),
    ...ends[course].map((type) =>
      rowOf(
        type,
        actor,
        type === 'number_failed' ? later(challenge.createdAt, 6) : challenge.decidedAt,
        type === 'push_locked' ? { lock: 'reported' } : {},
      ),
    ),
  ]
}

async function addSignIn(rows: Rows, installation: Installation, signIn: SignIn): Promise<void> {
  const { principal, phone, at, course } = signIn
  installation.setMoment(at)
  const challenge = finishedChallenge(installation, signIn)
  const target = challengeTarget(
    installation,
    principal,
    challenge,
    { id: phone.deviceId, protocolVersion: 1 },
    null,
  )
  const fetchedAt = course === 'expire' ? null : later(at, 2)
  const keys = {
    tenant_id: principal.tenantId,
    challenge_id: challenge.id,
    device_id: phone.deviceId,
  }
  rows.challenges.push(challengeRow(installation, challenge))
  rows.challenge_targets.push({
    ...keys,
    request_payload: target.requestPayload,
    request_hash: target.requestHash,
    fetched_at: fetchedAt,
    received_at: fetchedAt,
  })
  rows.answers.push(...(await answerRows(installation, signIn, challenge, target)))
  rows.activities.push(...activityRows(installation, signIn, challenge))
  if (course !== 'report') return
  const id = installation.random.id('report')
  rows.reports.push({
    ...keys,
    id,
    user_id: phone.userId,
    status: 'open',
    created_at: challenge.decidedAt,
  })
}

/** Writes these sign-ins, oldest first, in one transaction. */
export async function writeSignIns(
  installation: Installation,
  signIns: readonly SignIn[],
): Promise<void> {
  const rows: Rows = {
    challenges: [],
    challenge_targets: [],
    answers: [],
    activities: [],
    reports: [],
  }
  const inOrder = signIns.toSorted((one, other) => one.at.getTime() - other.at.getTime())
  for (const signIn of inOrder) await addSignIn(rows, installation, signIn)
  await installation.database.transaction(async (tx) => {
    for (const table of tables) {
      if (rows[table].length > 0) await insertRows(tx, table, rows[table])
    }
    await tx.query(
      'seed_last_seen',
      `update devices d set last_seen_at = greatest(d.last_seen_at, a.at)
      from (select device_id, max(created_at) as at from answers where tenant_id = any($1)
        group by device_id) a
      where d.tenant_id = any($1) and d.id = a.device_id`,
      [[...new Set(signIns.map(({ principal }) => principal.tenantId))]],
    )
  })
}
