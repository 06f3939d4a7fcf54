// What a session that ended after its cookie was verified still writes: nothing.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PortalSession } from '../../src/domain/portal.ts'
import { createRecoveryCodes } from '../../src/passcodes/single-use-codes.ts'
import {
  createRecoveryCodesInPortal,
  readPortalFactors,
  verifyInPortal,
} from '../../src/portal/portal-codes.ts'
import { exportFromPortal, requestErasure } from '../../src/portal/portal-data.ts'
import {
  renameFromPortal,
  suspendFromPortal,
  unregisterFromPortal,
} from '../../src/portal/portal-devices.ts'
import { pauseInPortal, setPreferencesInPortal } from '../../src/portal/portal-notices.ts'
import { openEnrollmentFromPortal } from '../../src/portal/portal-phones.ts'
import { closePortal, createPortalLink, openPortal } from '../../src/portal/portal-sessions.ts'
import { onServer } from '../support/cluster.ts'
import { aPhone, aPrincipal, granted, openWorld, type Phone, type World } from '../support/world.ts'

let world: World
let codes: readonly string[]
let session: PortalSession
let phone: Phone
beforeAll(async () => {
  world = await openWorld()
  const principal = await aPrincipal(world)
  phone = await aPhone(world, principal, { user: 'ada' })
  const { userId, tenantId } = phone
  codes = await granted(createRecoveryCodes(world, principal, userId))
  const { url } = await granted(createPortalLink(world, principal, userId))
  const token = new URL(url).pathname.split('/').at(-1) ?? ''
  ;({ session } = await granted(openPortal(world, { tenantId, token })))
})
afterAll(() => world.close())

const page = { limit: 100, before: null }
const activities = () => world.activities.list(session.tenantId, session.userId, page)

const writes: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['no enrollment', () => openEnrollmentFromPortal(world, session, null)],
  [
    'no recovery codes',
    async () => {
      const { recoveryCodeSet } = await readPortalFactors(world, session)
      return createRecoveryCodesInPortal(world, session, recoveryCodeSet)
    },
  ],
  ['no preferences', () => setPreferencesInPortal(world, session, { devices: 'in_app' })],
  ['no pause', () => pauseInPortal(world, session, new Date(Date.now() + 3_600_000))],
  ['no end of a pause', () => pauseInPortal(world, session, null)],
  ['no new name', () => renameFromPortal(world, session, phone.id, 'Theirs')],
  ['no suspension of a device', () => suspendFromPortal(world, session, phone.id)],
  ['no end of a device', () => unregisterFromPortal(world, session, phone.id, 'lost')],
  ['no request for erasure', () => requestErasure(world, session)],
  ['no copy of the data', () => exportFromPortal(world, session)],
]

describe('a session that ended after its cookie was verified makes', () => {
  beforeAll(() => closePortal(world, session))

  test.each(writes)('%s', async (_, write) => {
    const before = await activities()
    expect(await write()).toEqual({ refused: 'portal_session_invalid' })
    expect(await activities()).toEqual(before)
  })

  test('no second factor of a code, although that is used up', async () => {
    expect(await verifyInPortal(world, session, codes[0] ?? '')).toEqual({
      refused: 'portal_session_invalid',
    })
    const text = `select verified_at as at from portal_sessions where id = '${session.id}'`
    const { rows } = await onServer(world.url, (client) => client.query(text))
    expect(rows).toEqual([{ at: null }])
  })
})
