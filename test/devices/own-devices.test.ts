import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { fetchChallenges } from '../../src/challenges/fetch-challenges.ts'
import { changeDevice } from '../../src/devices/change-device.ts'
import {
  listOwnDevices,
  readSelf,
  unregisterOther,
  unregisterSelf,
  updateSelf,
} from '../../src/devices/own-devices.ts'
import { rotatePushToken } from '../../src/devices/rotate-push-token.ts'
import { setUserStatus } from '../../src/devices/suspend-user.ts'
import { unregisterAllDevices, unregisterDevice } from '../../src/devices/unregister-devices.ts'
import type { DeviceId } from '../../src/domain/ids.ts'
import type { PolicyOverrides } from '../../src/domain/policy.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { setPolicy } from '../../src/tenants/policy.ts'
import {
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  inAnotherProcess,
  openWorld,
  type Phone,
  type World,
} from '../support/world.ts'

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

const verifiedProof = (by: Phone) => aProof(world, by, by.keys.verification ?? by.keys.possession)
const statusOf = async (id: DeviceId) => (await world.devices.find(principal.tenantId, id))?.status

describe('a phone', () => {
  test('unregisters itself with its possession key, and is refused from then on', async () => {
    expect(await unregisterSelf(world, await aProof(world, phone))).toBeUndefined()
    expect(await world.devices.find(principal.tenantId, phone.id)).toMatchObject({
      status: 'unregistered',
      unregisterReason: 'user_request',
    })
    const refusal = { refused: 'device_unregistered' }
    expect(await readSelf(world, await aProof(world, phone))).toEqual(refusal)
    expect(await updateSelf(world, await aProof(world, phone), { name: 'X' })).toEqual(refusal)
    expect(await listOwnDevices(world, await aProof(world, phone))).toEqual(refusal)
    expect(await fetchChallenges(world, await aProof(world, phone))).toEqual(refusal)
    expect(await rotatePushToken(world, await aProof(world, phone), null)).toEqual(refusal)
    expect(await unregisterOther(world, await verifiedProof(phone), other.id)).toEqual(refusal)
    expect(await statusOf(other.id)).toBe('active')
  })

  test('unregisters the user’s lost one with its verification key only', async () => {
    const refusal = await unregisterOther(world, await aProof(world, phone), other.id)
    expect(refusal).toEqual({ refused: 'proof_key_not_allowed' })
    expect(await statusOf(other.id)).toBe('active')
    expect(await unregisterOther(world, await verifiedProof(phone), other.id)).toBeUndefined()
    expect(await world.devices.find(principal.tenantId, other.id)).toMatchObject({
      status: 'unregistered',
      unregisterReason: 'lost',
    })
    expect(await unregisterOther(world, await verifiedProof(phone), other.id)).toBeUndefined()
  })

  test('that is unregistered during its own call cannot unregister another', async () => {
    const proof = await verifiedProof(phone)
    const devices = {
      ...world.devices,
      unregisterWithProof: async (...args: Parameters<World['devices']['unregisterWithProof']>) => {
        await unregisterDevice(inAnotherProcess(world), principal, phone.id, 'stolen')
        return world.devices.unregisterWithProof(...args)
      },
    }
    const refusal = await unregisterOther({ ...world, devices }, proof, other.id)
    expect(refusal).toEqual({ refused: 'device_unregistered' })
    expect(await statusOf(other.id)).toBe('active')
  })

  test('cannot unregister another user’s device, nor tell whether it exists', async () => {
    const theirs = await aPhone(world, principal, { user: 'bob' })
    const refusal = { refused: 'not_found' }
    expect(await unregisterOther(world, await verifiedProof(phone), theirs.id)).toEqual(refusal)
    const unknown = 'dev_01h455vb4pex5vsknk084sn02q'
    expect(await unregisterOther(world, await verifiedProof(phone), unknown)).toEqual(refusal)
    expect(await statusOf(theirs.id)).toBe('active')
  })

  test('lists the user’s live devices', async () => {
    await unregisterSelf(world, await aProof(world, other))
    const devices = await granted(listOwnDevices(world, await aProof(world, phone)))
    expect(devices.map(({ id }) => id)).toEqual([phone.id])
  })

  test('reports a rename to the user, and no other update', async () => {
    const renames = async () => {
      const page = { limit: 100, before: null }
      const activities = await world.activities.list(phone.tenantId, phone.userId, page)
      return activities.filter(({ type }) => type === 'device_renamed')
    }
    await granted(updateSelf(world, await aProof(world, phone), { name: 'Phone', osVersion: '2' }))
    expect(await renames()).toEqual([])
    await granted(updateSelf(world, await aProof(world, phone), { name: 'Work phone' }))
    expect(await renames()).toMatchObject([{ details: { from: 'Phone', to: 'Work phone' } }])
  })
})

describe('a relying party', () => {
  test('unregisters all of a user’s devices, and clients waiting for them are notified', async () => {
    const { challenge } = await granted(ask(world, principal))
    world.publishedKeys.length = 0
    const devices = await granted(unregisterAllDevices(world, principal, phone.userId, 'admin'))
    expect(devices.map(({ id }) => id).toSorted()).toEqual([phone.id, other.id].toSorted())
    expect(world.publishedKeys).toContain(challenge.id)
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
    'learns the reason why it may not answer: %s; a creation leaves it out for the same reason',
    async (whyNot, bring) => {
      await bring()
      expect(await self()).toMatchObject({ mayAnswer: false, whyNot })
      await granted(unregisterDevice(world, principal, other.id, 'replaced'))
      const result = await ask(world, principal)
      expect(isRefusal(result) && result.refused).toBe(
        ['user_suspended', 'push_locked'].includes(whyNot) ? whyNot : 'no_capable_device',
      )
    },
  )
})
