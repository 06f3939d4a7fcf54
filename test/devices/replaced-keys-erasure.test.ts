import { expect } from 'vitest'
import { setNotificationPreferences } from '../../src/activities/notification-preferences.ts'
import { readSelf } from '../../src/devices/own-devices.ts'
import { eraseUser } from '../../src/personal-data/personal-data.ts'
import { everythingOn } from '../support/personal-data.ts'
import { beginOn, lockWaiters } from '../support/stores.ts'
import { until } from '../support/until.ts'
import { aProof, granted } from '../support/world.ts'
import { phoneTest as test } from '../support/world-test.ts'
import { aKey, sql, verificationOf, withRotated } from './key-rotation-steps.ts'

test('the export of a user has the keys that their devices have replaced', async ({
  world,
  phone,
}) => {
  await withRotated(world, phone, 'possession')
  const { tenantId, userId, id } = phone
  const tables = await everythingOn(world.personalData, tenantId, userId)
  const { kid, publicJwk } = phone.keys.possession
  expect(tables.replaced_device_keys).toEqual([
    {
      ...{ device_id: id, role: 'possession', kid, public_jwk: publicJwk },
      replaced_at: expect.any(String),
    },
  ])
})

test('an erasure deletes replaced keys, and a device that signs with one learns of its end', async ({
  world,
  principal,
  phone,
}) => {
  const after = await withRotated(world, phone, 'possession')
  await granted(eraseUser(world, principal, phone.userId))
  const { rows } = await sql(
    world,
    'select kid from replaced_device_keys where device_id = $1',
    phone.id,
  )
  expect(rows).toEqual([])
  const outcomes = []
  for (const { possession } of [phone.keys, after.keys, { possession: await aKey() }]) {
    outcomes.push(await readSelf(world, await aProof(world, phone, possession)))
  }
  expect(outcomes).toEqual([
    { refused: 'device_unregistered' },
    { refused: 'device_unregistered' },
    { refused: 'proof_invalid' },
  ])
})

test('an erasure and a call that is under way wait for each other in one order, and both end', async ({
  world,
  phone,
}) => {
  const { tenantId, userId, id } = phone
  const holder = await beginOn(world)
  await holder.query('select 1 from devices where id = $1 for update', [id])
  const erasing = world.personalData.eraseRest(tenantId, userId, 1)
  await until('the erasure waits', async () => (await lockWaiters(world)) === 1)
  const proof = await aProof(world, phone, verificationOf(phone))
  const calling = setNotificationPreferences(world, proof, { devices: 'in_app' })
  await until('the call waits', async () => (await lockWaiters(world)) === 2)
  await holder.commit()
  expect(await calling).toEqual({ refused: 'proof_invalid' })
  expect(await erasing).toBe('more')
})
