import { describe, expect } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { confirmReceipt } from '../../src/challenges/confirm-receipt.ts'
import { rotatePushToken } from '../../src/devices/rotate-push-token.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { readPortalPushes } from '../../src/portal/portal-devices.ts'
import { readOwnPushes, readPushes } from '../../src/push/doctor/read-pushes.ts'
import { confirmTestPush, pushOwnTest, pushTest } from '../../src/push/push-test.ts'
import { portalSession } from '../platform/http/fixtures.ts'
import {
  anAnswer,
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  type Phone,
  signAnswer,
  type World,
} from '../support/world.ts'
import { phoneTest } from '../support/world-test.ts'

/** What the phone and its help desk can learn and do. */
function doctorOf(world: World, principal: Principal, phone: Phone) {
  const read = async () => granted(readOwnPushes(world, await aProof(world, phone)))
  const readByHelpDesk = () => granted(readPushes(world, principal, phone.id))
  const testOwn = async () => pushOwnTest(world, await aProof(world, phone))
  const sql = (name: string, text: string) =>
    world.database.query<Record<string, unknown>>(name, text, [phone.tenantId, phone.id])
  /** Settles all pushes of the phone as sent. */
  const send = () =>
    sql(
      'send_all',
      `update deliveries set status = 'sent', settled_at = clock_timestamp()
       where tenant_id = $1 and device_id = $2 and status = 'queued'`,
    )
  return { read, readByHelpDesk, testOwn, sql, send }
}

const test = phoneTest.extend('doctor', ({ world, principal, phone }) =>
  doctorOf(world, principal, phone),
)

describe('the push doctor shows', () => {
  test('when a push was sent, received and answered, and how long it took', async ({
    doctor,
    world,
    principal,
    phone,
  }) => {
    const { challenge, number } = await granted(ask(world, principal))
    expect((await doctor.read()).pushes).toMatchObject([
      { kind: 'challenge_opened', status: 'queued', sentAt: null, receivedAt: null, failure: null },
    ])
    await doctor.send()
    await granted(confirmReceipt(world, await aProof(world, phone), challenge.id))
    const decision = { dec: 'approve', num: number ?? '' } as const
    const answer = await signAnswer(phone, await anAnswer(world, phone, challenge.id, decision))
    await granted(
      answerChallenge(world, await aProof(world, phone), { challengeId: challenge.id, answer }),
    )
    const { pushes } = await doctor.read()
    const [push] = pushes.filter(({ kind }) => kind === 'challenge_opened')
    if (!push?.sentAt || !push.receivedAt || !push.answeredAt) throw new Error('all of it happened')
    expect(push.status).toBe('sent')
    expect(push.queuedAt <= push.sentAt && push.sentAt <= push.receivedAt).toBe(true)
    expect(push.receivedAt <= push.answeredAt).toBe(true)
    expect((await doctor.readByHelpDesk()).pushes).toEqual(pushes)
  })

  test('the last ten pushes, newest first', async ({ doctor }) => {
    await doctor.sql(
      'many_pushes',
      `insert into deliveries (tenant_id, id, kind, device_id, status, due_at)
       select $1, 'dlv_' || lpad(n::text, 26, '0'), 'test', $2, 'failed', clock_timestamp()
       from generate_series(1, 25) n`,
    )
    const ids = (await doctor.read()).pushes.map(({ id }) => Number(id.slice(4)))
    expect(ids).toEqual([25, 24, 23, 22, 21, 20, 19, 18, 17, 16])
  })

  test('neither receipt nor answer of an earlier push for one that was queued after it', async ({
    doctor,
    world,
    principal,
    phone,
  }) => {
    const { challenge } = await granted(ask(world, principal))
    await granted(confirmReceipt(world, await aProof(world, phone), challenge.id))
    // A wrong number leaves the challenge pending, so that it may be pushed again.
    const wrong = await anAnswer(world, phone, challenge.id, { dec: 'approve', num: '1' })
    const answer = await signAnswer(phone, wrong)
    const proof = await aProof(world, phone)
    expect(
      await answerChallenge(world, proof, { challengeId: challenge.id, answer }),
    ).toMatchObject({ refused: 'wrong_number' })
    await doctor.sql(
      'push_again',
      `insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, due_at)
       select tenant_id, 'dlv_7' || substr(id, 6), kind, challenge_id, device_id, 'sent', due_at
       from deliveries where tenant_id = $1 and device_id = $2`,
    )
    expect((await doctor.read()).pushes).toMatchObject([
      { receivedAt: null, answeredAt: null },
      { receivedAt: expect.any(Date), answeredAt: expect.any(Date) },
    ])
  })

  test('what would help: notifications, where the app has removed its token', async ({
    doctor,
    world,
    phone,
  }) => {
    expect((await doctor.read()).advice).toEqual([])
    await rotatePushToken(world, await aProof(world, phone), null)
    expect((await doctor.read()).advice).toEqual(['enable_notifications'])
    expect((await doctor.readByHelpDesk()).advice).toEqual(['enable_notifications'])
  })

  test('what would help: another token, where the provider called this one dead', async ({
    doctor,
    world,
    principal,
    phone: { tenantId },
  }) => {
    await granted(ask(world, principal))
    const [push] = world.dispatchedPushes
    if (!push) throw new Error('it was pushed')
    const outcome = { status: 'failed', reason: '410', failure: 'token_gone' } as const
    await world.deliveries.settle('test', [{ tenantId, id: push.id, outcome }])
    await doctor.sql(
      'drop_token',
      `update devices set push_provider = null, push_environment = null, push_token_sealed = null,
         push_token_hash = null where tenant_id = $1 and id = $2`,
    )
    expect((await doctor.read()).advice).toEqual(['token_stale'])
  })

  test('that the clock of the device is off, to the device alone', async ({
    doctor,
    world,
    phone,
  }) => {
    const proof = await aProof(world, phone)
    const report = await granted(readOwnPushes(world, { ...proof, clockSkewMs: -31_000 }))
    expect(report).toMatchObject({ clockSkewMs: -31_000, advice: ['clock_off'] })
    expect(await doctor.readByHelpDesk()).toMatchObject({ clockSkewMs: null, advice: [] })
    const { tenantId, userId } = phone
    const session = { ...portalSession, tenantId, userId }
    expect(await granted(readPortalPushes(world, session, phone.id))).toMatchObject({
      clockSkewMs: null,
      advice: [],
    })
  })

  test('a device of another user or tenant to nobody, as if it did not exist', async ({
    world,
    principal,
    phone,
  }) => {
    const unknown = { refused: 'not_found' }
    const stranger = await aPrincipal(world)
    expect(await readPushes(world, stranger, phone.id)).toEqual(unknown)
    const colleague = await aPhone(world, principal, { user: 'bob' })
    const ofColleague = {
      ...portalSession,
      tenantId: colleague.tenantId,
      userId: colleague.userId,
    }
    expect(await readPortalPushes(world, ofColleague, phone.id)).toEqual(unknown)
    const elsewhere = { ...portalSession, tenantId: stranger.tenantId, userId: phone.userId }
    expect(await readPortalPushes(world, elsewhere, phone.id)).toEqual(unknown)
  })
})

describe('a test push of one’s own', () => {
  test('is sent immediately, and recorded as requested by the device', async ({
    doctor,
    world,
    phone,
  }) => {
    const testPush = await granted(doctor.testOwn())
    expect(testPush).toMatchObject({ deviceId: phone.id, status: 'queued', attempts: 1 })
    expect(world.dispatchedPushes).toMatchObject([{ id: testPush.id, kind: 'test' }])
    const page = { limit: 1, before: null }
    expect(await world.activities.list(phone.tenantId, phone.userId, page)).toMatchObject([
      { type: 'test_pushed', actor: `device:${phone.id}` },
    ])
    await doctor.send()
    expect((await doctor.read()).pushes).toMatchObject([{ id: testPush.id, status: 'sent' }])
  })

  test('shares its limits with those of admins', async ({ doctor, world, principal, phone }) => {
    await granted(pushTest(world, principal, phone.id))
    expect(await doctor.testOwn()).toMatchObject({
      refused: 'test_push_too_soon',
      retryAfterSeconds: 10,
    })
    await doctor.sql(
      'time_passed',
      `update devices set test_pushes_at = array(select clock_timestamp() - interval '1 minute'
         from generate_series(1, 5)) where tenant_id = $1 and id = $2`,
    )
    expect(await doctor.testOwn()).toMatchObject({ refused: 'test_push_too_soon' })
    expect(world.dispatchedPushes).toHaveLength(1)
  })

  test('works once for each proof, even when ten seconds are over', async ({
    doctor,
    world,
    phone,
  }) => {
    const proof = await aProof(world, phone)
    await granted(pushOwnTest(world, proof))
    await doctor.sql(
      'slot_is_free',
      `update devices set test_pushes_at = '{}' where tenant_id = $1 and id = $2`,
    )
    expect(await pushOwnTest(world, proof)).toEqual({ refused: 'proof_replayed' })
    expect(world.dispatchedPushes).toHaveLength(1)
  })

  test('is confirmed by the device that it was sent to, once, and then shown as received', async ({
    doctor,
    world,
    principal,
    phone,
  }) => {
    const { id } = await granted(doctor.testOwn())
    const other = await aPhone(world, principal)
    expect(await confirmTestPush(world, await aProof(world, other), id)).toEqual({
      refused: 'not_found',
    })
    expect((await doctor.read()).pushes).toMatchObject([{ id, receivedAt: null }])
    const proof = await aProof(world, phone)
    await granted(confirmTestPush(world, proof, id))
    const [push] = (await doctor.read()).pushes
    expect(push?.receivedAt).toEqual(expect.any(Date))
    expect(await confirmTestPush(world, proof, id)).toEqual({ refused: 'proof_replayed' })
    await granted(confirmTestPush(world, await aProof(world, phone), id))
    expect((await doctor.readByHelpDesk()).pushes).toEqual([push])
  })

  test('alone is confirmed so: a prompt has its receipt at its challenge', async ({
    doctor,
    world,
    principal,
    phone,
  }) => {
    await granted(ask(world, principal))
    const [prompt] = (await doctor.read()).pushes
    if (!prompt) throw new Error('it was pushed')
    expect(await confirmTestPush(world, await aProof(world, phone), prompt.id)).toEqual({
      refused: 'not_found',
    })
  })

  test('is refused while its user has paused pushes', async ({ doctor, world }) => {
    await doctor.sql(
      'pause',
      `update user_protections p set paused_until = now() + interval '1 hour' from devices v
       where v.tenant_id = $1 and v.id = $2
         and p.tenant_id = v.tenant_id and p.user_id = v.user_id`,
    )
    expect(await doctor.testOwn()).toMatchObject({ refused: 'pushes_paused' })
    expect(world.dispatchedPushes).toEqual([])
  })

  test('that was decided before the user was changed is decided again with the same proof', async ({
    doctor,
    world,
    phone,
  }) => {
    let reads = 0
    const protections = {
      async find(...args: Parameters<World['protections']['find']>) {
        const record = await world.protections.find(...args)
        if (reads++ === 0) {
          await doctor.sql(
            'revise',
            `update user_protections p set revision = revision + 1 from devices v
             where v.tenant_id = $1 and v.id = $2
               and p.tenant_id = v.tenant_id and p.user_id = v.user_id`,
          )
        }
        return record
      },
    }
    await granted(pushOwnTest({ ...world, protections }, await aProof(world, phone)))
    expect(reads).toBe(2)
    expect(world.dispatchedPushes).toHaveLength(1)
  })
})
