import { describe, expect } from 'vitest'
import { rotatePushToken } from '../../src/devices/rotate-push-token.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { pausePushes } from '../../src/protection/protection.ts'
import { pushTest, readTestPush } from '../../src/push/push-test.ts'
import { aPrincipal, aProof, granted, type Phone, type World } from '../support/world.ts'
import { phoneTest } from '../support/world-test.ts'

/** Test pushes to the phone. */
function testPushesOf(world: World, principal: Principal, phone: Phone) {
  const push = (by = principal) => pushTest(world, by, phone.id)
  const read = (by = principal) => readTestPush(world, by, phone.id)
  const verifiedProof = () => aProof(world, phone, phone.keys.verification ?? undefined)
  const sql = (name: string, text: string) =>
    world.database.query<Record<string, unknown>>(name, text, [phone.tenantId, phone.id])
  return { push, read, verifiedProof, sql }
}

const test = phoneTest.extend('scene', ({ world, principal, phone }) =>
  testPushesOf(world, principal, phone),
)

describe('a test push', () => {
  test('is sent immediately, and its outcome can be read', async ({
    scene,
    phone,
    world,
    principal,
  }) => {
    expect(await scene.read()).toEqual({ refused: 'not_found' })
    const testPush = await granted(scene.push())
    expect(testPush).toMatchObject({ deviceId: phone.id, status: 'queued', attempts: 1 })
    expect(world.dispatchedPushes).toMatchObject([
      { id: testPush.id, kind: 'test', challengeId: null, deviceId: phone.id },
    ])
    const { tenantId } = phone
    const outcome = { status: 'failed', reason: 'BadDeviceToken' } as const
    await world.deliveries.settle('test', [{ tenantId, id: testPush.id, outcome }])
    expect(await granted(scene.read())).toMatchObject({
      id: testPush.id,
      status: 'failed',
      reason: 'BadDeviceToken',
      settledAt: expect.any(Date),
    })
    const activities = await world.activities.list(tenantId, phone.userId, {
      limit: 1,
      before: null,
    })
    expect(activities).toMatchObject([{ type: 'test_pushed', actor: `api_key:${principal.keyId}` }])
  })

  test('is sent once in ten seconds: one of 50 that are requested concurrently', async ({
    scene,
    world,
  }) => {
    const results = await Promise.all(Array.from({ length: 50 }, () => scene.push()))
    const refusals = results.filter(isRefusal)
    expect(refusals).toHaveLength(49)
    expect(refusals[0]).toEqual({ refused: 'test_push_too_soon', retryAfterSeconds: 10 })
    expect(world.dispatchedPushes).toHaveLength(1)
    await scene.sql(
      'time_passes',
      `update devices set test_pushes_at =
         array(select t - interval '10 s' from unnest(test_pushes_at) t)
       where tenant_id = $1 and id = $2`,
    )
    await granted(scene.push())
    expect(world.dispatchedPushes).toHaveLength(2)
  })

  test('is sent five times within an hour, and again when the first of them is an hour old', async ({
    scene,
    world,
  }) => {
    const pass = (time: string) =>
      scene.sql(
        `pass_${time}`,
        `update devices set test_pushes_at =
           array(select t - interval '${time}' from unnest(test_pushes_at) t)
         where tenant_id = $1 and id = $2`,
      )
    for (let count = 0; count < 5; count++) {
      await granted(scene.push())
      await pass('11 s')
    }
    const refusal = await scene.push()
    expect(refusal).toMatchObject({ refused: 'test_push_too_soon' })
    if (!isRefusal(refusal)) throw new Error('it was refused')
    const seconds = refusal.retryAfterSeconds ?? 0
    expect(seconds).toBeGreaterThan(3500)
    expect(seconds).toBeLessThanOrEqual(3600 - 55)
    expect(world.dispatchedPushes).toHaveLength(5)
    await pass(`${seconds} s`)
    await granted(scene.push())
    const rows = await scene.sql(
      'kept',
      `select cardinality(test_pushes_at) as n from devices where tenant_id = $1 and id = $2`,
    )
    expect(rows).toEqual([{ n: 5 }])
  })

  test.for<readonly [string, string, string, boolean]>([
    ['has paused pushes', `paused_until = now() + interval '1 hour'`, 'pushes_paused', true],
    ['has reported something', `reported_until = now() + interval '1 hour'`, 'push_locked', true],
    ['is locked for a time', `locked_until = now() + interval '1 hour'`, 'push_locked', true],
    ['is locked until an admin unlocks', 'hard_locked_at = now()', 'push_locked', false],
    ['is suspended', 'suspended_at = now()', 'user_suspended', false],
  ])('is refused while the user %s', async ([name, set, code, recovers], { scene, world }) => {
    await scene.sql(
      `stop_${name.replaceAll(' ', '_')}`,
      `update user_protections p set ${set} from devices v
       where v.tenant_id = $1 and v.id = $2
         and p.tenant_id = v.tenant_id and p.user_id = v.user_id`,
    )
    const outcome = await scene.push()
    expect(outcome).toMatchObject({ refused: code })
    expect(isRefusal(outcome) && (outcome.retryAfterSeconds ?? 0) > 3500).toBe(recovers)
    expect(world.dispatchedPushes).toEqual([])
  })

  test('that was decided before the user paused is decided again', async ({
    world,
    scene,
    principal,
    phone,
  }) => {
    const stale = async (...args: Parameters<World['protections']['find']>) => {
      const protection = await world.protections.find(...args)
      await granted(
        pausePushes(world, await scene.verifiedProof(), new Date(Date.now() + 3_600_000)),
      )
      return protection
    }
    let reads = 0
    const protections = {
      find: (...args: Parameters<World['protections']['find']>) =>
        reads++ === 0 ? stale(...args) : world.protections.find(...args),
    }
    expect(await pushTest({ ...world, protections }, principal, phone.id)).toMatchObject({
      refused: 'pushes_paused',
    })
    expect(world.dispatchedPushes).toEqual([])
    expect(await world.testPushes.findLast(phone.tenantId, phone.id)).toBeNull()
  })

  test('is refused with the reason where a device cannot be pushed', async ({
    world,
    phone,
    scene,
  }) => {
    await rotatePushToken(world, await aProof(world, phone), null)
    expect(await scene.push()).toEqual({ refused: 'no_push_token' })
    for (const [status, code] of [
      ['suspended', 'device_suspended'],
      ['unconfirmed', 'device_not_active'],
      ['unregistered', 'device_unregistered'],
    ] as const) {
      await scene.sql(
        `set_${status}`,
        `update devices set status = '${status}' where tenant_id = $1 and id = $2`,
      )
      expect(await scene.push()).toEqual({ refused: code })
    }
    expect(world.dispatchedPushes).toEqual([])
  })

  test('of a device of another party is refused as unknown', async ({ world, scene }) => {
    const otherPrincipal = await aPrincipal(world)
    expect(await scene.push(otherPrincipal)).toEqual({ refused: 'not_found' })
    await granted(scene.push())
    expect(await scene.read(otherPrincipal)).toEqual({ refused: 'not_found' })
  })
})
