// What happens to the calls of devices that are unregistered or suspended.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listActivities } from '../../src/activities/list-activities.ts'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { fetchChallenges } from '../../src/challenges/fetch-challenges.ts'
import { changeDevice } from '../../src/devices/change-device.ts'
import { listOwnDevices, readSelf, unregisterOther } from '../../src/devices/own-devices.ts'
import { unregisterAllDevices, unregisterDevice } from '../../src/devices/unregister-devices.ts'
import { revokedUse } from '../../src/domain/device.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { readRevocation, revocationLine } from '../../src/domain/revocation.ts'
import {
  anAnswer,
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  inAnotherProcess,
  openWorld,
  type Phone,
  signAnswer,
  type World,
} from '../support/world.ts'

let world: World
let rp: Principal

beforeAll(async () => {
  world = await openWorld()
  rp = await aPrincipal(world)
})
afterAll(() => world.close())

const page = { limit: 100, before: null }
const uses = async (phone: Phone) =>
  (await granted(listActivities(world, rp, phone.userId, page))).filter(
    ({ type, deviceId }) => type === 'revoked_device_used' && deviceId === phone.id,
  )
const call = async (phone: Phone) => readSelf(world, await aProof(world, phone))

describe('a call with the keys of an unregistered device', () => {
  test('is shown to the user, once an hour however often it is made', async () => {
    const phone = await aPhone(world, rp, { user: 'mallory' })
    await unregisterDevice(world, rp, phone.id, 'stolen')
    expect(await uses(phone)).toEqual([])
    const refusals = await Promise.all(Array.from({ length: 50 }, () => call(phone)))
    for (const one of refusals) expect(one).toEqual({ refused: 'device_unregistered' })
    expect(await uses(phone)).toMatchObject([
      { severity: 'critical', details: { reason: 'stolen', name: 'Phone' } },
    ])
    const pass = (time: string) =>
      world.database.query(
        'time_passes',
        `update devices set revoked_use_told_at = revoked_use_told_at - $3::interval
         where tenant_id = $1 and id = $2`,
        [phone.tenantId, phone.id, time],
      )
    await pass('50 minutes')
    await call(phone)
    expect(await uses(phone)).toHaveLength(1)
    await pass('10 minutes')
    await call(phone)
    expect(await uses(phone)).toHaveLength(2)
  })

  test('is shown wherever devices are authenticated', async () => {
    for (const use of [
      async (phone: Phone) => fetchChallenges(world, await aProof(world, phone)),
      async (phone: Phone) => listOwnDevices(world, await aProof(world, phone)),
      async (phone: Phone) => {
        const { challenge } = await granted(ask(world, rp, { user: 'keeper' }))
        return answerChallenge(world, await aProof(world, phone), {
          challengeId: challenge.id,
          answer: 'a.b.c',
        })
      },
    ]) {
      await aPhone(world, rp, { user: 'keeper' })
      const phone = await aPhone(world, rp, { user: 'trent' })
      await unregisterDevice(world, rp, phone.id, 'lost')
      expect(await use(phone)).toEqual({ refused: 'device_unregistered' })
      expect(await uses(phone)).toHaveLength(1)
      await unregisterAllDevices(world, rp, phone.userId, 'admin')
    }
  })

  test('is not shown when the signature is not by its key', async () => {
    const [phone, other] = [
      await aPhone(world, rp, { user: 'walter' }),
      await aPhone(world, rp, { user: 'wendy' }),
    ]
    await unregisterDevice(world, rp, phone.id, 'lost')
    const forgedProof = await aProof(world, phone, other.keys.possession)
    expect(await readSelf(world, forgedProof)).toEqual({ refused: 'proof_invalid' })
    expect(await uses(phone)).toEqual([])
  })

  test('alarms after a loss, and not when an app finds that its own user removed it', async () => {
    const device = await granted(call(await aPhone(world, rp, { user: 'dora' })))
    const severity = (unregisterReason: typeof device.unregisterReason) =>
      revokedUse({ ...device, unregisterReason }).severity
    expect([severity('lost'), severity('stolen')]).toEqual(['critical', 'critical'])
    expect([severity('admin'), severity(null)]).toEqual(['warning', 'warning'])
    expect([severity('replaced'), severity('user_request')]).toEqual(['info', 'info'])
  })
})

test('no call of a good device is recorded as a use of removed keys', async () => {
  const phone = await aPhone(world, rp, { user: 'grace' })
  const before = world.database.statements().get('mark_revoked_use') ?? 0
  await granted(call(phone))
  await granted(fetchChallenges(world, await aProof(world, phone)))
  expect(world.database.statements().get('mark_revoked_use') ?? 0).toBe(before)
})

describe('a suspended device', () => {
  test('is refused in every call by a code of its own, and works when it is active again', async () => {
    const phone = await aPhone(world, rp, { user: 'ivan' })
    const device = await granted(changeDevice(world, rp, phone.id, { status: 'suspended' }))
    expect(device).toMatchObject({ status: 'suspended', suspendedAt: expect.any(Date) })
    const refusal = { refused: 'device_suspended' }
    expect(await granted(call(phone))).toMatchObject({ mayAnswer: false, whyNot: 'suspended' })
    expect(await fetchChallenges(world, await aProof(world, phone))).toEqual(refusal)
    const proof = await aProof(world, phone, phone.keys.verification ?? phone.keys.possession)
    expect(await unregisterOther(world, proof, phone.id)).toEqual(refusal)
    expect(await uses(phone)).toEqual([])
    await granted(changeDevice(world, rp, phone.id, { status: 'active', name: 'Back' }))
    expect(await granted(call(phone))).toMatchObject({ status: 'active', name: 'Back' })
  })

  test('gets its own code also when it was suspended while its answer was checked', async () => {
    const phone = await aPhone(world, rp, { user: 'olga' })
    await aPhone(world, rp, { user: 'olga' })
    const { challenge } = await granted(ask(world, rp, { user: 'olga' }))
    const answer = await signAnswer(
      phone,
      await anAnswer(world, phone, challenge.id, { dec: 'deny' }),
    )
    const { challenges } = world
    const late = {
      ...world,
      challenges: {
        ...challenges,
        recordAnswer: async (...args: Parameters<typeof challenges.recordAnswer>) => {
          await changeDevice(inAnotherProcess(world), rp, phone.id, { status: 'suspended' })
          return challenges.recordAnswer(...args)
        },
      },
    }
    const result = await answerChallenge(late, await aProof(world, phone), {
      challengeId: challenge.id,
      answer,
    })
    expect(result).toEqual({ refused: 'device_suspended' })
  })

  test('must be active before: an unregistered or unconfirmed device cannot be suspended', async () => {
    const phone = await aPhone(world, rp, { user: 'peggy' })
    await unregisterDevice(world, rp, phone.id, 'lost')
    for (const status of ['active', 'suspended'] as const) {
      expect(await changeDevice(world, rp, phone.id, { status })).toEqual({
        refused: 'device_unregistered',
      })
    }
  })

  test('belongs to a user that the relying party may see, or does not exist for it', async () => {
    const phone = await aPhone(world, rp, { user: 'sybil' })
    const otherPrincipal = await aPrincipal(world, ['elsewhere'], rp.tenantId)
    const refusal = await changeDevice(world, otherPrincipal, phone.id, { status: 'suspended' })
    expect(refusal).toEqual({ refused: 'not_found' })
    expect(await granted(call(phone))).toMatchObject({ status: 'active' })
  })
})

describe('the revocation log', () => {
  test('has a line for each removal, suspension and activation of a device, in the order of their times', async () => {
    const phone = await aPhone(world, rp, { user: 'frank' })
    world.revocations.length = 0
    await changeDevice(world, rp, phone.id, { status: 'suspended' })
    await changeDevice(world, rp, phone.id, { status: 'suspended' })
    await changeDevice(world, rp, phone.id, { status: 'active' })
    await unregisterDevice(world, rp, phone.id, 'lost')
    const about = { tenantId: rp.tenantId, userId: phone.userId, deviceId: phone.id }
    expect(world.revocations).toMatchObject([
      { revocation: 'device_suspended', ...about },
      { revocation: 'device_activated', ...about },
      { revocation: 'device_unregistered', ...about, reason: 'lost' },
    ])
    const times = world.revocations.map(({ at }) => at.getTime())
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    for (const one of world.revocations) expect(readRevocation(revocationLine(one))).toEqual(one)
  })

  test('gets the line again on a repeated call, since the first response may have been lost', async () => {
    const phone = await aPhone(world, rp, { user: 'heidi' })
    world.revocations.length = 0
    await unregisterDevice(world, rp, phone.id, 'lost')
    await unregisterDevice(world, rp, phone.id, 'admin')
    expect(world.revocations).toHaveLength(2)
    expect(world.revocations[0]).toEqual(world.revocations[1])
  })
})
