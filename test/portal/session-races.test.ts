// A session that ends in the same moment in which something is done in it.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { PortalSession } from '../../src/domain/portal.ts'
import {
  renameFromPortal,
  suspendFromPortal,
  unregisterFromPortal,
} from '../../src/portal/portal-devices.ts'
import { closePortal, createPortalLink, openPortal } from '../../src/portal/portal-sessions.ts'
import { beginOn, lockWaiters } from '../support/stores.ts'
import { until } from '../support/until.ts'
import { aPhone, aPrincipal, granted, openWorld, type Phone, type World } from '../support/world.ts'

let world: World
let phone: Phone
let session: PortalSession
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

let users = 0
beforeEach(async () => {
  const principal = await aPrincipal(world)
  phone = await aPhone(world, principal, { user: `user ${++users}` })
  const { url } = await granted(createPortalLink(world, principal, phone.userId))
  const token = new URL(url).pathname.split('/').at(-1) ?? ''
  ;({ session } = await granted(openPortal(world, { tenantId: phone.tenantId, token })))
})

const device = () => world.devices.find(phone.tenantId, phone.id)

const acts: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['renames no device', () => renameFromPortal(world, session, phone.id, 'Theirs')],
  ['suspends no device', () => suspendFromPortal(world, session, phone.id)],
  ['ends no device', () => unregisterFromPortal(world, session, phone.id, 'lost')],
]

describe('a session that ends while its request is under way', () => {
  test.each(acts)('%s', async (_, act) => {
    const before = await device()
    const ending = await beginOn(world)
    await ending.query('update portal_sessions set ended_at = clock_timestamp() where id = $1', [
      session.id,
    ])
    const result = act()
    await until('it waits for the session', async () => (await lockWaiters(world)) === 1)
    await ending.commit()
    expect(await result).toEqual({ refused: 'portal_session_invalid' })
    expect(await device()).toEqual(before)
  })

  test('is not ended before what it began is done', async () => {
    const holder = await beginOn(world)
    await holder.query('select 1 from devices where id = $1 for update', [phone.id])
    const ending = unregisterFromPortal(world, session, phone.id, 'lost')
    await until('it waits for the device', async () => (await lockWaiters(world)) === 1)
    const signOut = closePortal(world, session)
    await until('signing out waits for it', async () => (await lockWaiters(world)) === 2)
    await holder.commit()
    expect(await ending).toMatchObject({ status: 'unregistered' })
    await signOut
    expect(await renameFromPortal(world, session, phone.id, 'Late')).toMatchObject({
      refused: 'portal_session_invalid',
    })
  })

  test.each(acts)('never deadlocks with the end of its user: %s', async (_, act) => {
    const command = { ...session, actor: 'service' } as const
    const [result] = await Promise.all([act(), world.suspensions.suspendUser(command)])
    expect(result).toBeDefined()
  })
})
