// What happens to the calls of devices that are unregistered or suspended.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { revokedUse } from '../../src/domain/device.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { readRevocation, revocationLine } from '../../src/domain/revocation.ts'
import { buildQueues } from '../../src/open-fair-queues.ts'
import { answerChallenge } from '../../src/usecases/answer-challenge.ts'
import { changeDevice } from '../../src/usecases/change-device.ts'
import { fetchChallenges } from '../../src/usecases/fetch-challenges.ts'
import { listActivities } from '../../src/usecases/list-activities.ts'
import { listOwnDevices, readSelf, unregisterOther } from '../../src/usecases/own-devices.ts'
import { unregisterAllDevices, unregisterDevice } from '../../src/usecases/unregister-devices.ts'
import {
  anAnswer,
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  openWorld,
  type Phone,
  signAnswer,
  type World,
} from './world.ts'

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
  test('is told to the user, once an hour however often it is made', async () => {
    const phone = await aPhone(world, rp, { user: 'mallory' })
    await unregisterDevice(world, rp, phone.id, 'stolen')
    expect(await uses(phone)).toEqual([])
    const refused = await Promise.all(Array.from({ length: 50 }, () => call(phone)))
    for (const one of refused) expect(one).toEqual({ refused: 'device_unregistered' })
    expect(await uses(phone)).toMatchObject([
      { severity: 'critical', details: { reason: 'stolen', name: 'Phone' } },
    ])
    await world.database.query(
      'an_hour_passes',
      `update devices set revoked_use_told_at = revoked_use_told_at - interval '1 hour'
       where tenant_id = $1 and id = $2`,
      [phone.tenantId, phone.id],
    )
    await call(phone)
    expect(await uses(phone)).toHaveLength(2)
  })

  test('is told wherever devices are believed', async () => {
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

  test('is told to nobody when the signature is not by its key', async () => {
    const [phone, other] = [
      await aPhone(world, rp, { user: 'walter' }),
      await aPhone(world, rp, { user: 'wendy' }),
    ]
    await unregisterDevice(world, rp, phone.id, 'lost')
    const forged = await aProof(world, phone, other.keys.possession)
    expect(await readSelf(world, forged)).toEqual({ refused: 'proof_invalid' })
    expect(await uses(phone)).toEqual([])
  })

  test('alarms after a loss, and not when an app finds out that its own person removed it', async () => {
    const device = await granted(call(await aPhone(world, rp, { user: 'dora' })))
    const severity = (unregisterReason: typeof device.unregisterReason) =>
      revokedUse({ ...device, unregisterReason }).severity
    expect([severity('lost'), severity('stolen')]).toEqual(['critical', 'critical'])
    expect([severity('admin'), severity(null)]).toEqual(['warning', 'warning'])
    expect([severity('replaced'), severity('user_request')]).toEqual(['info', 'info'])
  })
})

test('no call of a good device writes that it was used', async () => {
  const phone = await aPhone(world, rp, { user: 'grace' })
  const before = world.database.statements().get('tell_revoked_use') ?? 0
  await granted(call(phone))
  await granted(fetchChallenges(world, await aProof(world, phone)))
  expect(world.database.statements().get('tell_revoked_use') ?? 0).toBe(before)
})

describe('a suspended device', () => {
  test('is refused in every call by a code of its own, and goes on when it is active again', async () => {
    const phone = await aPhone(world, rp, { user: 'ivan' })
    const suspended = await granted(changeDevice(world, rp, phone.id, { status: 'suspended' }))
    expect(suspended).toMatchObject({ status: 'suspended', suspendedAt: expect.any(Date) })
    const refusal = { refused: 'device_suspended' }
    expect(await granted(call(phone))).toMatchObject({ mayAnswer: false, whyNot: 'suspended' })
    expect(await fetchChallenges(world, await aProof(world, phone))).toEqual(refusal)
    const proof = await aProof(world, phone, phone.keys.verification ?? phone.keys.possession)
    expect(await unregisterOther(world, proof, phone.id)).toEqual(refusal)
    expect(await uses(phone)).toEqual([])
    await granted(changeDevice(world, rp, phone.id, { status: 'active', name: 'Back' }))
    expect(await granted(call(phone))).toMatchObject({ status: 'active', name: 'Back' })
  })

  test('gets its own code also when it was suspended while its answer was judged', async () => {
    const phone = await aPhone(world, rp, { user: 'olga' })
    await aPhone(world, rp, { user: 'olga' })
    const { challenge } = await granted(ask(world, rp, { user: 'olga' }))
    const answer = await signAnswer(
      phone,
      await anAnswer(world, phone, challenge.id, { dec: 'deny' }),
    )
    // By another process: in this one it would wait for its turn in the user's queue.
    const otherProcess = { ...world, userQueue: buildQueues(1).userQueue }
    const { challenges } = world
    const late = {
      ...world,
      challenges: {
        ...challenges,
        recordAnswer: async (...given: Parameters<typeof challenges.recordAnswer>) => {
          await changeDevice(otherProcess, rp, phone.id, { status: 'suspended' })
          return challenges.recordAnswer(...given)
        },
      },
    }
    const sent = await answerChallenge(late, await aProof(world, phone), {
      challengeId: challenge.id,
      answer,
    })
    expect(sent).toEqual({ refused: 'device_suspended' })
  })

  test('is nothing for those who are unregistered or not yet active', async () => {
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
    const stranger = await aPrincipal(world, ['elsewhere'], rp.tenantId)
    const refused = await changeDevice(world, stranger, phone.id, { status: 'suspended' })
    expect(refused).toEqual({ refused: 'not_found' })
    expect(await granted(call(phone))).toMatchObject({ status: 'active' })
  })
})

describe('the revocation log', () => {
  test('has a line for every device that goes, stops or goes on, in the order of their times', async () => {
    const phone = await aPhone(world, rp, { user: 'frank' })
    world.revoked.length = 0
    await changeDevice(world, rp, phone.id, { status: 'suspended' })
    await changeDevice(world, rp, phone.id, { status: 'suspended' })
    await changeDevice(world, rp, phone.id, { status: 'active' })
    await unregisterDevice(world, rp, phone.id, 'lost')
    const about = { tenantId: rp.tenantId, userId: phone.userId, deviceId: phone.id }
    expect(world.revoked).toMatchObject([
      { revocation: 'device_suspended', ...about },
      { revocation: 'device_activated', ...about },
      { revocation: 'device_unregistered', ...about, reason: 'lost' },
    ])
    const times = world.revoked.map(({ at }) => at.getTime())
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    for (const one of world.revoked) expect(readRevocation(revocationLine(one))).toEqual(one)
  })

  test('gets the line again from whoever asks again, because the first answer may have been lost with its process', async () => {
    const phone = await aPhone(world, rp, { user: 'heidi' })
    world.revoked.length = 0
    await unregisterDevice(world, rp, phone.id, 'lost')
    await unregisterDevice(world, rp, phone.id, 'admin')
    expect(world.revoked).toHaveLength(2)
    expect(world.revoked[0]).toEqual(world.revoked[1])
  })
})
