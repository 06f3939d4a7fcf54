import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Principal } from '../../src/domain/principal.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { pushTest, readTestPush } from '../../src/usecases/push-test.ts'
import { rotatePushToken } from '../../src/usecases/rotate-push-token.ts'
import { aPhone, aPrincipal, aProof, granted, openWorld, type Phone, type World } from './world.ts'

let world: World
let principal: Principal
let phone: Phone

beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  principal = await aPrincipal(world)
  phone = await aPhone(world, principal)
  world.dispatched.length = 0
})
afterAll(() => world.close())

const push = (by = principal) => pushTest(world, by, phone.id)
const read = (by = principal) => readTestPush(world, by, phone.id)
const sql = (name: string, text: string) =>
  world.database.query<Record<string, unknown>>(name, text, [phone.tenantId, phone.id])

describe('a test push', () => {
  test('is handed over at once, and what became of it can be read', async () => {
    expect(await read()).toEqual({ refused: 'not_found' })
    const owed = await granted(push())
    expect(owed).toMatchObject({ deviceId: phone.id, status: 'queued', attempts: 1 })
    expect(world.dispatched).toMatchObject([
      { id: owed.id, kind: 'test', challengeId: null, deviceId: phone.id },
    ])
    const { tenantId } = phone
    const outcome = { status: 'failed', reason: 'BadDeviceToken' } as const
    await world.deliveries.settle('test', [{ tenantId, id: owed.id, outcome }])
    expect(await granted(read())).toMatchObject({
      id: owed.id,
      status: 'failed',
      reason: 'BadDeviceToken',
      settledAt: expect.any(Date),
    })
    const listed = await world.activities.list(tenantId, phone.userId, { limit: 1, before: null })
    expect(listed).toMatchObject([{ type: 'test_pushed', actor: `api_key:${principal.keyId}` }])
  })

  test('is sent once in ten seconds, of 50 that are asked for at once one', async () => {
    const asked = await Promise.all(Array.from({ length: 50 }, () => push()))
    const refused = asked.filter(isRefusal)
    expect(refused).toHaveLength(49)
    expect(refused[0]).toEqual({ refused: 'test_push_too_soon', retryAfterSeconds: 10 })
    expect(world.dispatched).toHaveLength(1)
    await sql(
      'time_passes',
      `update devices set test_pushed_at = test_pushed_at - interval '10 s'
       where tenant_id = $1 and id = $2`,
    )
    await granted(push())
    expect(world.dispatched).toHaveLength(2)
  })

  test('is refused with the reason where a device cannot be pushed', async () => {
    await rotatePushToken(world, await aProof(world, phone), null)
    expect(await push()).toEqual({ refused: 'no_push_token' })
    for (const [status, refused] of [
      ['suspended', 'device_suspended'],
      ['unconfirmed', 'device_not_active'],
      ['unregistered', 'device_unregistered'],
    ] as const) {
      await sql(
        `set_${status}`,
        `update devices set status = '${status}' where tenant_id = $1 and id = $2`,
      )
      expect(await push()).toEqual({ refused })
    }
    expect(world.dispatched).toEqual([])
  })

  test('of somebody else’s device is of nobody’s', async () => {
    const stranger = await aPrincipal(world)
    expect(await push(stranger)).toEqual({ refused: 'not_found' })
    await granted(push())
    expect(await read(stranger)).toEqual({ refused: 'not_found' })
  })
})
