import { describe, expect } from 'vitest'
import { readReadiness } from '../../src/challenges/read-readiness.ts'
import { rotatePushToken } from '../../src/devices/rotate-push-token.ts'
import type { DeviceId } from '../../src/domain/ids.ts'
import type { PolicyOverrides } from '../../src/domain/policy.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { claimEnrollment } from '../../src/enrollments/claim-enrollment.ts'
import { confirmEnrollment } from '../../src/enrollments/confirm-enrollment.ts'
import { openNextEnrollment } from '../../src/enrollments/enroll-next-phone.ts'
import { openEnrollment } from '../../src/enrollments/open-enrollment.ts'
import { waitForEnrollment } from '../../src/enrollments/read-enrollment.ts'
import { setPolicy } from '../../src/tenants/policy.ts'
import {
  aClaimCommand,
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  type Phone,
  scannedCode,
  type World,
} from '../support/world.ts'
import { phoneTest } from '../support/world-test.ts'

/** The phone's watches, and what its user can be asked. */
function companionsOf(world: World, principal: Principal, phone: Phone) {
  const decide = (overrides: PolicyOverrides) =>
    granted(setPolicy(world, principal.tenantId, { overrides, replace: true }, 'operator'))
  const open = (parentDeviceId: DeviceId) =>
    openEnrollment(world, principal, { user: 'alice', parentDeviceId })

  async function claim(uri: string) {
    const { keys, command } = await aClaimCommand(world, principal.tenantId, scannedCode(uri))
    return { keys, claimResult: await claimEnrollment(world, command) }
  }
  /** A confirmed watch of the phone. */
  async function aWatch(parent = phone) {
    const enrollment = await granted(open(parent.id))
    const { keys, claimResult } = await claim(enrollment.uri)
    const { device } = await granted(Promise.resolve(claimResult))
    const { tenantId, userId } = phone
    const watch = { keys, id: device.id, userId, tenantId }
    const read = waitForEnrollment(world, principal, enrollment.enrollment.id, { waitMs: 0 })
    const { number } = await granted(read)
    await granted(confirmEnrollment(world, await aProof(world, watch), number ?? ''))
    return watch
  }
  const find = (id: DeviceId) => world.devices.find(principal.tenantId, id)
  const end = (id: DeviceId) =>
    world.devices.unregister({
      tenantId: principal.tenantId,
      userId: phone.userId,
      deviceIds: [id],
      reason: 'lost',
      actor: 'operator',
    })
  const ready = (more: { number?: 'none'; userVerification?: 'required' } = {}) =>
    readReadiness(world, principal, {
      userId: phone.userId,
      userVerification: 'preferred',
      number: 'service',
      ...more,
    })
  return { decide, open, claim, aWatch, find, end, ready }
}

type Companions = ReturnType<typeof companionsOf>

const test = phoneTest.extend('scene', ({ world, principal, phone }) =>
  companionsOf(world, principal, phone),
)

describe('a companion', () => {
  test('belongs to its parent, and ends with it', async ({ scene, phone }) => {
    const watch = await scene.aWatch()
    expect(await scene.find(watch.id)).toMatchObject({ status: 'active', parentDeviceId: phone.id })
    await scene.end(phone.id)
    expect(await scene.find(watch.id)).toMatchObject({
      status: 'unregistered',
      unregisterReason: 'lost',
    })
  })

  test('is suspended with its parent, can answer nothing then, and is restored with it', async ({
    scene,
    principal,
    phone,
    world,
  }) => {
    const watch = await scene.aWatch()
    const about = { tenantId: principal.tenantId, userId: phone.userId, actor: 'operator' } as const
    await world.suspensions.suspendDevice({ ...about, deviceId: phone.id })
    expect(await scene.find(watch.id)).toMatchObject({ status: 'suspended' })
    const { devices } = await granted(scene.ready())
    expect(devices.map(({ mayAnswer }) => mayAnswer)).toEqual([false, false])
    await world.suspensions.activateDevice({ ...about, deviceId: phone.id })
    expect(await scene.find(watch.id)).toMatchObject({ status: 'active', suspendedAt: null })
  })

  test('that was suspended by itself stays so when its parent is restored', async ({
    scene,
    principal,
    phone,
    world,
  }) => {
    const watch = await scene.aWatch()
    const about = { tenantId: principal.tenantId, userId: phone.userId, actor: 'operator' } as const
    await world.suspensions.suspendDevice({ ...about, deviceId: watch.id })
    expect(await scene.find(phone.id)).toMatchObject({ status: 'active' })
    await world.suspensions.suspendDevice({ ...about, deviceId: phone.id })
    await world.suspensions.activateDevice({ ...about, deviceId: phone.id })
    expect(await scene.find(watch.id)).toMatchObject({ status: 'suspended' })
    expect(await scene.find(phone.id)).toMatchObject({ status: 'active' })
  })

  test('ends alone without its parent', async ({ scene, phone }) => {
    const watch = await scene.aWatch()
    await scene.end(watch.id)
    expect(await scene.find(phone.id)).toMatchObject({ status: 'active' })
  })

  test('that is waiting for its number ends with its parent, too', async ({ scene, phone }) => {
    const { uri } = await granted(scene.open(phone.id))
    const { claimResult } = await scene.claim(uri)
    const { device } = await granted(Promise.resolve(claimResult))
    await scene.end(phone.id)
    expect(await scene.find(device.id)).toMatchObject({ status: 'unregistered' })
  })

  test('cannot join a parent that was removed after the enrollment was opened', async ({
    world,
    principal,
    scene,
    phone,
  }) => {
    await aPhone(world, principal)
    const { uri } = await granted(scene.open(phone.id))
    await scene.end(phone.id)
    expect((await scene.claim(uri)).claimResult).toEqual({ refused: 'enrollment_not_open' })
  })

  test('has one of the user’s own active devices as its parent, and no companion of its own', async ({
    scene,
    world,
    principal,
    phone,
  }) => {
    const watch = await scene.aWatch()
    expect(await scene.open(watch.id)).toEqual({ refused: 'not_found' })
    const bob = await aPhone(world, principal, { user: 'bob' })
    expect(await scene.open(bob.id)).toEqual({ refused: 'not_found' })
    await scene.end(phone.id)
    expect(await scene.open(phone.id)).toEqual({ refused: 'not_found' })
  })

  test('is enrolled by its parent with the verification key, and replaces no device', async ({
    world,
    phone,
  }) => {
    const proof = await aProof(world, phone, phone.keys.verification ?? undefined)
    const opening = await granted(openNextEnrollment(world, proof, { companion: true }))
    expect(opening.enrollment).toMatchObject({ parentDeviceId: phone.id, replacesDeviceId: null })
    const weak = await openNextEnrollment(world, await aProof(world, phone), { companion: true })
    expect(weak).toMatchObject({ refused: 'proof_key_not_allowed' })
  })
})

describe('readiness', () => {
  const whyNot = async ({ ready }: Companions, more = {}) =>
    new Map((await granted(ready(more))).devices.map((one) => [one.deviceId, one.whyNot]))

  test('reports which devices would be asked, which would be pushed, and why not', async ({
    world,
    principal,
    scene,
    phone,
  }) => {
    const bare = await aPhone(world, principal, { verification: false })
    const watch = await scene.aWatch()
    const now = await granted(scene.ready())
    expect(now).toMatchObject({ methods: ['push', 'pull', 'passcode'], refusal: null })
    expect(await whyNot(scene)).toEqual(
      new Map([
        [watch.id, 'companion'],
        [bare.id, null],
        [phone.id, null],
      ]),
    )
    expect(await whyNot(scene, { userVerification: 'required' })).toEqual(
      new Map([
        [watch.id, 'companion'],
        [bare.id, 'no_verification_key'],
        [phone.id, null],
      ]),
    )
  })

  test('includes a companion where the policy allows it and nothing is typed', async ({
    scene,
    principal,
  }) => {
    const watch = await scene.aWatch()
    await scene.decide({
      profile: 'compat',
      companionsMayAnswer: true,
      numberNoneAllowedFor: [principal.rpId],
    })
    expect((await whyNot(scene, { number: 'none' })).get(watch.id)).toBeNull()
    expect((await whyNot(scene)).get(watch.id)).toBe('companion')
  })

  test('is by opening the app where there is no push token', async ({ world, phone, scene }) => {
    await rotatePushToken(world, await aProof(world, phone), null)
    expect(await granted(scene.ready())).toMatchObject({
      methods: ['pull', 'passcode'],
      refusal: null,
      suppressed: 'no_push_token',
      devices: [{ mayAnswer: true, hasPushToken: false, whyNot: null }],
    })
  })

  test('reports in advance that no device is left, and which other factors there are', async ({
    scene,
    phone,
  }) => {
    await scene.decide({ appVersionsMin: ['com.example.app@2'] })
    expect(await granted(scene.ready())).toMatchObject({
      methods: ['passcode'],
      refusal: 'no_capable_device',
      devices: [{ mayAnswer: false, hasPushToken: true, whyNot: 'app_too_old' }],
    })
    await scene.end(phone.id)
    expect(await granted(scene.ready())).toMatchObject({
      methods: [],
      refusal: 'no_capable_device',
      devices: [],
    })
  })

  test('refuses what creation would refuse, and reveals nothing about another party’s user', async ({
    scene,
    world,
    phone,
  }) => {
    expect(await scene.ready({ number: 'none' })).toEqual({ refused: 'number_none_not_allowed' })
    const otherPrincipal = await aPrincipal(world)
    const question = {
      userId: phone.userId,
      userVerification: 'preferred',
      number: 'service',
    } as const
    expect(await readReadiness(world, otherPrincipal, question)).toEqual({ refused: 'not_found' })
  })

  test('predicts what creation then does: targets, delivery, and refusals', async ({
    world,
    principal,
    scene,
    phone,
  }) => {
    const old = await aPhone(world, principal)
    const watch = await scene.aWatch()
    await scene.decide({
      profile: 'compat',
      companionsMayAnswer: true,
      numberNoneAllowedFor: [principal.rpId],
      appVersionsMin: ['com.example.app@1'],
    })
    await world.database.query(
      'an_old_app',
      `update devices set app_version = '0.9' where tenant_id = $1 and id = $2`,
      [principal.tenantId, old.id],
    )
    for (const [number, askedDevices] of [
      ['none', [phone.id, watch.id]],
      [undefined, [phone.id]],
    ] as const) {
      const readiness = await granted(scene.ready(number ? { number } : {}))
      const able = readiness.devices.filter((one) => one.mayAnswer).map((one) => one.deviceId)
      expect(able.sort()).toEqual([...askedDevices].sort())
      const { challenge } = await granted(
        ask(world, principal, { number: { mode: number ?? 'service' } }),
      )
      const record = await world.challenges.find(principal.tenantId, principal.rpId, challenge.id)
      expect(record?.devices.map(({ deviceId }) => deviceId).sort()).toEqual(able.sort())
      expect(challenge.deliveryMode).toBe(readiness.methods[0] === 'push' ? 'push' : 'pull_only')
      expect(challenge.suppressed).toBe(readiness.suppressed)
    }
    await granted(ask(world, principal))
    const readiness = await granted(scene.ready())
    const refusal = await ask(world, principal)
    expect(refusal).toMatchObject({ refused: readiness.refusal })
    expect(readiness).toMatchObject({
      refusal: 'too_many_pending',
      retryAfterSeconds: expect.any(Number),
    })
  })
})
