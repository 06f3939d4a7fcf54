import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { DeviceId } from '../../src/domain/ids.ts'
import type { PolicyOverrides } from '../../src/domain/policy.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { buildQueues } from '../../src/open-fair-queues.ts'
import { changeDevice } from '../../src/usecases/change-device.ts'
import { fetchChallenges } from '../../src/usecases/fetch-challenges.ts'
import {
  listOwnDevices,
  readSelf,
  unregisterOther,
  unregisterSelf,
  updateSelf,
} from '../../src/usecases/own-devices.ts'
import { setPolicy } from '../../src/usecases/policy.ts'
import { rotatePushToken } from '../../src/usecases/rotate-push-token.ts'
import { setUserStatus } from '../../src/usecases/suspend-user.ts'
import { unregisterAllDevices, unregisterDevice } from '../../src/usecases/unregister-devices.ts'
import {
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  openWorld,
  type Phone,
  type World,
} from './world.ts'

let world: World
let principal: Principal
let phone: Phone
let other: Phone

beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  principal = await aPrincipal(world)
  phone = await aPhone(world, principal)
  other = await aPhone(world, principal)
})
afterAll(() => world.close())

const verified = (by: Phone) => aProof(world, by, by.keys.verification ?? by.keys.possession)
const statusOf = async (id: DeviceId) => (await world.devices.find(principal.tenantId, id))?.status

describe('a phone', () => {
  test('unregisters itself with its possession key, and is nobody from then on', async () => {
    expect(await unregisterSelf(world, await aProof(world, phone))).toBeUndefined()
    expect(await world.devices.find(principal.tenantId, phone.id)).toMatchObject({
      status: 'unregistered',
      unregisterReason: 'user_request',
    })
    const gone = { refused: 'device_unregistered' }
    expect(await readSelf(world, await aProof(world, phone))).toEqual(gone)
    expect(await updateSelf(world, await aProof(world, phone), { name: 'X' })).toEqual(gone)
    expect(await listOwnDevices(world, await aProof(world, phone))).toEqual(gone)
    expect(await fetchChallenges(world, await aProof(world, phone))).toEqual(gone)
    expect(await rotatePushToken(world, await aProof(world, phone), null)).toEqual(gone)
    expect(await unregisterOther(world, await verified(phone), other.id)).toEqual(gone)
    expect(await statusOf(other.id)).toBe('active')
  })

  test('unregisters the user’s lost one with its verification key only', async () => {
    const held = await unregisterOther(world, await aProof(world, phone), other.id)
    expect(held).toEqual({ refused: 'proof_key_not_allowed' })
    expect(await statusOf(other.id)).toBe('active')
    expect(await unregisterOther(world, await verified(phone), other.id)).toBeUndefined()
    expect(await world.devices.find(principal.tenantId, other.id)).toMatchObject({
      status: 'unregistered',
      unregisterReason: 'lost',
    })
    expect(await unregisterOther(world, await verified(phone), other.id)).toBeUndefined()
  })

  test('that is unregistered during its call unregisters nobody any more', async () => {
    const proof = await verified(phone)
    // By another process: in this one it would wait for its turn in the user's queue.
    const otherProcess = { ...world, userQueue: buildQueues(1).userQueue }
    const devices = {
      ...world.devices,
      unregister: async (...given: Parameters<World['devices']['unregister']>) => {
        await unregisterDevice(otherProcess, principal, phone.id, 'stolen')
        return world.devices.unregister(...given)
      },
    }
    const refusal = await unregisterOther({ ...world, devices }, proof, other.id)
    expect(refusal).toEqual({ refused: 'device_unregistered' })
    expect(await statusOf(other.id)).toBe('active')
  })

  test('unregisters nobody else’s, and cannot tell them from none', async () => {
    const theirs = await aPhone(world, principal, { user: 'bob' })
    const refusal = { refused: 'not_found' }
    expect(await unregisterOther(world, await verified(phone), theirs.id)).toEqual(refusal)
    const unknown = 'dev_01h455vb4pex5vsknk084sn02q'
    expect(await unregisterOther(world, await verified(phone), unknown)).toEqual(refusal)
    expect(await statusOf(theirs.id)).toBe('active')
  })

  test('lists the user’s live devices', async () => {
    await unregisterSelf(world, await aProof(world, other))
    const listed = await granted(listOwnDevices(world, await aProof(world, phone)))
    expect(listed.map(({ id }) => id)).toEqual([phone.id])
  })

  test('keeps its name to itself unless it changes: then the user is told', async () => {
    const renames = async () => {
      const page = { limit: 100, before: null }
      const told = await world.activities.list(phone.tenantId, phone.userId, page)
      return told.filter(({ type }) => type === 'device_renamed')
    }
    await granted(updateSelf(world, await aProof(world, phone), { name: 'Phone', osVersion: '2' }))
    expect(await renames()).toEqual([])
    await granted(updateSelf(world, await aProof(world, phone), { name: 'Work phone' }))
    expect(await renames()).toMatchObject([{ details: { from: 'Phone', to: 'Work phone' } }])
  })
})

describe('a relying party', () => {
  test('unregisters all of a user’s devices, and those who wait for them are told', async () => {
    const { challenge } = await granted(ask(world, principal))
    world.published.length = 0
    const done = await granted(unregisterAllDevices(world, principal, phone.userId, 'admin'))
    expect(done.map(({ id }) => id).toSorted()).toEqual([phone.id, other.id].toSorted())
    expect(world.published).toContain(challenge.id)
    const nobody = 'usr_01h455vb4pex5vsknk084sn02q'
    expect(await unregisterAllDevices(world, principal, nobody, 'admin')).toEqual({
      refused: 'not_found',
    })
  })

  test('that may not see the user unregisters nothing', async () => {
    const blind = await aPrincipal(world, ['entra'], principal.tenantId)
    expect(await unregisterDevice(world, blind, phone.id, 'admin')).toEqual({
      refused: 'not_found',
    })
    const all = await unregisterAllDevices(world, blind, phone.userId, 'admin')
    expect(all).toEqual({ refused: 'not_found' })
    expect(await statusOf(phone.id)).toBe('active')
  })
})

describe('a phone that asks about itself', () => {
  const decide = (overrides: PolicyOverrides) =>
    granted(setPolicy(world, principal.tenantId, { overrides, replace: true }, 'operator'))
  let statements = 0
  const set = (text: string) => world.database.query(`set_up_${++statements}`, text, [])
  const self = async () => granted(readSelf(world, await aProof(world, phone)))
  const suspend = () => granted(setUserStatus(world, principal, phone.userId, 'suspended'))
  const ofUser = () => `where tenant_id = '${principal.tenantId}' and user_id = '${phone.userId}'`

  test('may answer when it is asked', async () => {
    await granted(unregisterDevice(world, principal, other.id, 'replaced'))
    expect(await self()).toMatchObject({ mayAnswer: true, whyNot: null })
    await granted(ask(world, principal))
  })

  test.each<[string, () => Promise<unknown>]>([
    ['unconfirmed', () => set(`update devices set status = 'unconfirmed' ${ofUser()}`)],
    ['suspended', () => granted(changeDevice(world, principal, phone.id, { status: 'suspended' }))],
    ['user_suspended', suspend],
    ['push_locked', () => set(`update user_protections set hard_locked_at = now() ${ofUser()}`)],
    ['app_too_old', () => decide({ appVersionsMin: ['com.example.app@3.2.0'] })],
    ['platform_retired', () => decide({ retiredPlatforms: ['ios'] })],
    [
      'companion',
      () => set(`update devices set parent_device_id = '${other.id}' where id = '${phone.id}'`),
    ],
    [
      'no_verification_key',
      async () => {
        await decide({ userVerification: 'required' })
        await granted(unregisterDevice(world, principal, phone.id, 'replaced'))
        phone = await aPhone(world, principal, { verification: false })
      },
    ],
  ])(
    'learns why it may not answer: %s; and a creation asks it for the same reason not',
    async (whyNot, bring) => {
      await bring()
      expect(await self()).toMatchObject({ mayAnswer: false, whyNot })
      await granted(unregisterDevice(world, principal, other.id, 'replaced'))
      const asked = await ask(world, principal)
      expect(isRefusal(asked) && asked.refused).toBe(
        ['user_suspended', 'push_locked'].includes(whyNot) ? whyNot : 'no_capable_device',
      )
    },
  )
})
