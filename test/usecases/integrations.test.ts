// What changes of integrations leave in the revocation log.

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { IntegrationId } from '../../src/domain/ids.ts'
import type { IntegrationSettings } from '../../src/domain/integration.ts'
import { readRevocation, revocationLine } from '../../src/domain/revocation.ts'
import {
  changeIntegration,
  createIntegration,
  type IntegrationScope,
  removeIntegration,
  rotateIntegration,
} from '../../src/usecases/integrations.ts'
import { aPrincipal, granted, openWorld, type World } from './world.ts'

let world: World
let keeper: IntegrationScope & { rpId: NonNullable<IntegrationScope['rpId']> }

beforeAll(async () => {
  world = await openWorld()
  const { tenantId, rpId } = await aPrincipal(world)
  keeper = { tenantId, rpId, actor: 'operator' }
})
beforeEach(() => {
  world.revoked.length = 0
})
afterAll(() => world.close())

const needs = () => ({ ...world, realms: { fault: () => undefined } })
const about = (integrationId: IntegrationId) => ({
  tenantId: keeper.tenantId,
  integrationId,
  at: expect.any(Date),
})

async function make(settings: IntegrationSettings = { kind: 'wait' }): Promise<IntegrationId> {
  const asked = { rpId: keeper.rpId, name: 'VPN', settings }
  return (await granted(createIntegration(needs(), keeper, asked))).integration.id
}

/** The ids of the live credentials. */
async function live(id: IntegrationId) {
  const stored = await world.integrations.findStored({ id })
  return (stored?.credentials ?? []).map((one) => one.id)
}

test('a pause, its end and a removal are told in the order of their times; other changes are not', async () => {
  const id = await make()
  const change = (changes: object) => granted(changeIntegration(needs(), keeper, id, changes))
  await change({ name: 'SSH' })
  await change({ status: 'paused' })
  await change({ status: 'active' })
  await removeIntegration(needs(), keeper, id)
  await removeIntegration(needs(), keeper, id)
  expect(world.revoked).toEqual([
    { revocation: 'integration_paused', ...about(id) },
    { revocation: 'integration_activated', ...about(id) },
    { revocation: 'integration_removed', ...about(id) },
  ])
  const times = world.revoked.map(({ at }) => at.getTime())
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  for (const one of world.revoked) expect(readRevocation(revocationLine(one))).toEqual(one)
})

test('a rotation tells when the old secret ends: after the overlap, or at once', async () => {
  const id = await make()
  const [first] = await live(id)
  const rotate = (overlapSeconds: number) =>
    granted(rotateIntegration(needs(), keeper, { id, overlapSeconds }))
  await rotate(3600)
  const [second] = (await live(id)).filter((one) => one !== first)
  await rotate(0)
  const ended = (credentialId = first) => ({
    revocation: 'integration_credential_ended',
    ...about(id),
    credentialId,
    endsAt: expect.any(Date),
  })
  const [overlapped, ...atOnce] = world.revoked
  expect(overlapped).toEqual(ended(first))
  expect(atOnce).toHaveLength(2)
  expect(atOnce).toEqual(expect.arrayContaining([ended(first), ended(second)]))
  const endsLater = world.revoked.map((one) => 'endsAt' in one && one.endsAt > one.at)
  expect(endsLater).toEqual([true, false, false])
})

test('settings that need no secret any more end those that were there', async () => {
  const realm = { kind: 'keycloak_ciba', issuers: ['https://id.example/realms/staff'] } as const
  const settings = { ...realm, clientIds: [], secretInPath: true }
  const id = await make(settings)
  const [credentialId] = await live(id)
  await granted(
    changeIntegration(needs(), keeper, id, { settings: { ...settings, secretInPath: false } }),
  )
  expect(world.revoked).toEqual([
    {
      revocation: 'integration_credential_ended',
      ...about(id),
      credentialId,
      endsAt: expect.any(Date),
    },
  ])
})
