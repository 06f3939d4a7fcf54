import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { isRefusal } from '../../../src/domain/refusal.ts'
import { buildSealing } from '../../../src/platform/crypto/sealing.ts'
import { buildVapidKeys, rotateVapidKey } from '../../../src/push/web-push/vapid-keys.ts'
import { openWorld, type World } from '../../support/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})

describe('the VAPID keys of an installation', () => {
  test('begin with one, however many processes need it at once', async () => {
    const processes = Array.from({ length: 10 }, () => buildVapidKeys(world))
    const keys = await Promise.all(processes.map((process) => process.current()))
    expect(new Set(keys).size).toBe(1)
  })

  test('sign in every process, the former ones too', async () => {
    const former = await world.webPushKeys.current()
    const rotation = await rotateVapidKey(world)
    const other = buildVapidKeys(world)
    const current = await other.current()
    expect(rotation).toEqual({ publicKey: current })
    for (const publicKey of [former, current]) {
      expect(await other.has(publicKey)).toBe(true)
      expect((await other.find(publicKey))?.privateKey.asymmetricKeyType).toBe('ec')
    }
    expect(await other.has('unknown')).toBe(false)
    expect(await other.find('unknown')).toBeNull()
  })

  test('have one current key after rotations at once, and refuse those that came too late', async () => {
    const before = await world.webPushKeys.current()
    const rotations = await Promise.all([1, 2, 3].map(() => rotateVapidKey(world)))
    const current = await world.webPushKeys.current()
    expect(current).not.toBe(before)
    const names = rotations.flatMap((rotation) => (isRefusal(rotation) ? [] : rotation.publicKey))
    expect(names).toContain(current)
    const [row] = await world.database.query<{ count: string }>(
      'count_current_vapid_keys',
      'select count(*)::text as count from vapid_keys where is_current',
      [],
    )
    expect(row?.count).toBe('1')
  })

  test('are unreadable under another master key, and in the place of another key', async () => {
    const publicKey = await world.webPushKeys.current()
    const sealing = buildSealing({ current: randomBytes(32) })
    await expect(buildVapidKeys({ ...world, sealing }).find(publicKey)).rejects.toThrow(
      /master key/,
    )
    await rotateVapidKey(world)
    const next = await world.webPushKeys.current()
    await world.database.query(
      'move_vapid_key',
      `update vapid_keys k set private_sealed = o.private_sealed from vapid_keys o
       where k.public_key = $1 and o.public_key = $2`,
      [publicKey, next],
    )
    await expect(buildVapidKeys(world).find(publicKey)).rejects.toThrow(/moved/)
  })
})
