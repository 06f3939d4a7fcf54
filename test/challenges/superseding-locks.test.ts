import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DeliveryId, DeviceId } from '../../src/domain/ids.ts'
import { lockWaiters } from '../support/stores.ts'
import { until } from '../support/until.ts'
import { aPhone, openWorld, type World } from '../support/world.ts'
import { aReloadScene } from './reload-scene.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

test.each([
  ['the outcomes of its pushes', ['reload', 'settle']],
  ['a reload', ['settle', 'reload']],
] as const)('a reload never deadlocks with outcomes of pushes: %s last', async (_, order) => {
  const scene = await aReloadScene(world)
  const { tenantId } = scene.phone
  await aPhone(world, scene.principal)
  const first = await scene.reload()
  const [one, two] = await world.database.query<{ id: DeliveryId; deviceId: DeviceId }>(
    'pushes_of',
    `select id, device_id as "deviceId" from deliveries
     where tenant_id = $1 and challenge_id = $2 order by id`,
    [tenantId, first.challenge.id],
  )
  if (!one || !two) throw new Error('both phones were pushed')
  const outcome = { status: 'sent', providerMessageId: 'accepted' } as const
  const calls = {
    reload: () => scene.reload(),
    settle: () =>
      world.deliveries.settle('test', [
        { tenantId, id: two.id, outcome },
        { tenantId, id: one.id, outcome },
      ]),
  }
  // Behind the other one in each index but that of ids.
  const move = 'update deliveries set device_id = $2 where id = $1'
  await world.database.query('move_push', move, [two.id, one.deviceId])
  await world.database.query('move_push', move, [one.id, two.deviceId])
  const running: Promise<unknown>[] = []
  await world.database.transaction(async (tx) => {
    await tx.query('hold_push', 'select from deliveries where id = $1 for update', [one.id])
    for (const [index, name] of order.entries()) {
      running.push(calls[name]())
      await until(`${name} waits`, async () => (await lockWaiters(world)) === index + 1)
    }
  })
  await Promise.all(running)
  expect(await scene.statusOf(first)).toBe('superseded')
  const rows = await world.database.query<{ status: string; challengeId: string }>(
    'settled_pushes',
    `select status, challenge_id as "challengeId" from deliveries where id = any($1)`,
    [[one.id, two.id]],
  )
  expect(rows.map(({ status }) => status)).toEqual(['sent', 'sent'])
  expect(rows.map(({ challengeId }) => challengeId)).not.toContain(first.challenge.id)
})
