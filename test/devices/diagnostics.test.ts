import { expect } from 'vitest'
import {
  listDiagnostics,
  readDiagnostics,
  sendDiagnostics,
} from '../../src/devices/diagnostics/diagnostics.ts'
import { unregisterDevice } from '../../src/devices/unregister-devices.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { eraseUser, exportUser } from '../../src/personal-data/personal-data.ts'
import { everythingIn } from '../support/personal-data.ts'
import { aPrincipal, aProof, granted, type Phone, type World } from '../support/world.ts'
import { phoneTest } from '../support/world-test.ts'

/** What the phone sends. */
function reportsOf(world: World, phone: Phone) {
  const send = async () => sendDiagnostics(world, await aProof(world, phone), report)
  return { send }
}

const test = phoneTest.extend('scene', ({ world, phone }) => reportsOf(world, phone))

const report = { appVersion: '3.2.0', text: 'fetch failed\n\ttimeout' }
const page = { limit: 10, before: null }

test('only an admin of the tenant reads what a device sent, and no other tenant does', async ({
  scene,
  phone,
  world,
  principal,
}) => {
  const { incidentId } = await granted(scene.send())
  expect(incidentId).toMatch(/^inc_/)
  const expectedEntry = {
    id: incidentId,
    deviceId: phone.id,
    userId: phone.userId,
    appVersion: '3.2.0',
  }
  expect(await readDiagnostics(world, principal, incidentId)).toMatchObject({
    ...expectedEntry,
    ...report,
  })
  const [entry, ...more] = await listDiagnostics(world, principal, page)
  expect([entry, more]).toEqual([expect.objectContaining(expectedEntry), []])
  expect(entry).not.toHaveProperty('text')
  const other = await aPrincipal(world)
  expect(await readDiagnostics(world, other, incidentId)).toEqual({ refused: 'not_found' })
  expect(await listDiagnostics(world, other, page)).toEqual([])
})

test('a device sends five an hour, also with 50 concurrent calls, and again after the hour', async ({
  scene,
  world,
  principal,
  phone,
}) => {
  const results = await Promise.all(Array.from({ length: 50 }, scene.send))
  const refusals = results.filter((result) => isRefusal(result))
  expect(results.length - refusals.length).toBe(5)
  for (const { refused: code, retryAfterSeconds } of refusals) {
    expect(code).toBe('too_many_diagnostics')
    expect(retryAfterSeconds).toBeGreaterThan(3_500)
  }
  expect(await listDiagnostics(world, principal, page)).toHaveLength(5)
  await world.database.query(
    'an_hour_passes',
    `update devices set diagnostics_at =
       array(select t - interval '1 hour' from unnest(diagnostics_at) t)
     where id = $1`,
    [phone.id],
  )
  await granted(scene.send())
})

test('a proof sends once, and an unregistered device sends nothing', async ({
  world,
  phone,
  principal,
  scene,
}) => {
  const proof = await aProof(world, phone)
  await granted(sendDiagnostics(world, proof, report))
  expect(await sendDiagnostics(world, proof, report)).toEqual({ refused: 'proof_replayed' })
  await granted(unregisterDevice(world, principal, phone.id, 'lost'))
  expect(await scene.send()).toEqual({ refused: 'device_unregistered' })
  expect(await listDiagnostics(world, principal, page)).toHaveLength(1)
})

test('diagnostics are in the export of the user, and are deleted by an erasure', async ({
  scene,
  world,
  principal,
  phone,
}) => {
  const { incidentId } = await granted(scene.send())
  const reading = await granted(exportUser(world, principal, phone.userId))
  const { diagnostics } = await everythingIn(reading)
  expect(diagnostics).toMatchObject([{ id: incidentId, text: report.text }])
  await eraseUser(world, principal, phone.userId)
  expect(await readDiagnostics(world, principal, incidentId)).toEqual({ refused: 'not_found' })
})
