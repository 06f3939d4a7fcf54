import { describe, expect } from 'vitest'
import { bothPaths } from '../support/lanes.ts'
import {
  aColleague,
  aDevice,
  anAnswer,
  aProof,
  aStoredChallenge,
  beginOn,
  lockWaiters,
} from '../support/stores.ts'
import { until } from '../support/until.ts'
import { aToken, page, test } from './device-owner.ts'

describe('unregistering', () => {
  test('unregistering is permanent, keeps the first reason and is recorded once', async ({
    stores,
    owner,
  }) => {
    const id = await aDevice(stores, owner.user)
    const unregistration = await owner.unregister([id], 'stolen')
    expect(unregistration).toMatchObject({
      devices: [{ id, status: 'unregistered', unregisterReason: 'stolen' }],
    })
    expect(await owner.unregister([id], 'admin')).toEqual({
      devices: [],
      endedChallenges: [],
    })
    expect(await owner.find(id)).toMatchObject({ unregisterReason: 'stolen', hasPushToken: false })
    const activities = await stores.activities.list(owner.user.tenantId, owner.user.userId, page)
    expect(activities.filter(({ type }) => type === 'device_unregistered')).toMatchObject([
      { deviceId: id, details: { reason: 'stolen', name: 'Phone' } },
    ])
  })

  test('unregistering by parallel calls happens once', async ({ stores, owner }) => {
    const id = await aDevice(stores, owner.user)
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => owner.unregister([id])))
    expect(outcomes.flatMap(({ devices }) => devices)).toHaveLength(1)
  })

  test('unregistering takes all devices of a user if none is named, of nobody else', async ({
    stores,
    owner,
  }) => {
    const colleague = await aColleague(stores, owner.user, 'bob')
    const theirs = await aDevice(stores, colleague)
    const mine = [await aDevice(stores, owner.user), await aDevice(stores, owner.user)]
    const unregistration = await owner.unregister([])
    expect(unregistration).toMatchObject({ devices: mine.map((id) => ({ id })) })
    expect(await owner.find(theirs)).toMatchObject({ status: 'active' })
  })

  test('unregistering changes no device of another user, even when it is named', async ({
    stores,
    owner,
  }) => {
    const theirs = await aDevice(stores, await aColleague(stores, owner.user, 'bob'))
    expect(await owner.unregister([theirs])).toEqual({ devices: [], endedChallenges: [] })
    expect(await owner.find(theirs)).toMatchObject({ status: 'active' })
  })

  test('unregistering ends orphaned challenges, erases their numbers, and records it', async ({
    stores,
    owner,
  }) => {
    const [one, two] = [await aDevice(stores, owner.user), await aDevice(stores, owner.user)]
    const both = await aStoredChallenge(stores, owner.user, [one, two])
    const alone = await aStoredChallenge(stores, owner.user, [one])
    expect(await owner.unregister([one])).toMatchObject({ endedChallenges: [alone] })
    const { tenantId, rpId, userId } = owner.user
    expect((await stores.challenges.find(tenantId, rpId, both))?.challenge.status).toBe('pending')
    expect((await stores.challenges.find(tenantId, rpId, alone))?.challenge).toMatchObject({
      status: 'denied',
      reason: 'no_device_left',
      decidedAt: expect.any(Date),
      decidedDeviceId: null,
    })
    const activities = await stores.activities.list(tenantId, userId, page)
    expect(activities.filter(({ type }) => type === 'challenge_denied')).toMatchObject([
      { challengeId: alone, actor: 'service', details: { reason: 'no_device_left' } },
    ])
  })

  test('unregistering leaves an expired challenge to the sweep', async ({ stores, owner }) => {
    const id = await aDevice(stores, owner.user)
    await aStoredChallenge(stores, owner.user, [id], { ttlMs: -1 })
    expect(await owner.unregister([id])).toMatchObject({ endedChallenges: [] })
  })

  test('an unregistered device cannot change: neither name nor push token comes back', async ({
    stores,
    owner,
  }) => {
    const id = await aDevice(stores, owner.user)
    await owner.unregister([id])
    const { tenantId } = owner.user
    expect(
      await stores.devices.changeWithProof(
        tenantId,
        id,
        { name: 'X' },
        null,
        aProof(owner.user, id),
      ),
    ).toBeNull()
    expect(
      await stores.devices.setPushToken(tenantId, id, aToken(), aProof(owner.user, id)),
    ).toBeNull()
    expect(await owner.find(id)).toMatchObject({ name: 'Phone', hasPushToken: false })
  })

  test.for(bothPaths)(
    'unregistering waits for an answer under way, and refuses every later one, %s',
    async ([, on], { stores, owner }) => {
      const [id, otherDevice] = [
        await aDevice(stores, owner.user),
        await aDevice(stores, owner.user),
      ]
      const challengeId = await aStoredChallenge(stores, owner.user, [id, otherDevice])
      const answering = await beginOn(stores)
      await answering.query('select 1 from devices where id = $1 for share', [id])
      const unregistering = owner.unregister([id])
      await until('the unregistration waits', async () => (await lockWaiters(stores)) === 1)
      expect(await owner.find(id)).toMatchObject({ status: 'active' })
      await answering.commit()
      expect(await unregistering).toMatchObject({ devices: [{ id }] })
      const late = await on(stores).challenges.recordAnswer(
        anAnswer(owner.user, challengeId, id),
        aProof(owner.user, id),
      )
      expect(late).toEqual({ kind: 'device_not_active' })
    },
  )

  test.for(bothPaths)(
    'unregistering refuses an answer that waited for it, %s',
    async ([, on], { stores, owner }) => {
      const [id, otherDevice] = [
        await aDevice(stores, owner.user),
        await aDevice(stores, owner.user),
      ]
      const challengeId = await aStoredChallenge(stores, owner.user, [id, otherDevice])
      const unregistering = await beginOn(stores)
      await unregistering.query(
        `update devices set status = 'unregistered', unregistered_at = clock_timestamp()
        where id = $1`,
        [id],
      )
      const answering = on(stores).challenges.recordAnswer(
        anAnswer(owner.user, challengeId, id),
        aProof(owner.user, id),
      )
      await until('the answer waits', async () => (await lockWaiters(stores)) === 1)
      await unregistering.commit()
      expect(await answering).toEqual({ kind: 'device_not_active' })
    },
  )
})
