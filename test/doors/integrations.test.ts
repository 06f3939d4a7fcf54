// What changes of integrations write to the revocation log.

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
} from '../../src/doors/integrations.ts'
import { aPrincipal, granted, openWorld, type World } from '../support/world.ts'

let world: World
let scope: IntegrationScope & { rpId: NonNullable<IntegrationScope['rpId']> }

beforeAll(async () => {
  world = await openWorld()
  const { tenantId, rpId } = await aPrincipal(world)
  scope = { tenantId, rpId, actor: 'operator' }
})
beforeEach(() => {
  world.revocations.length = 0
})
afterAll(() => world.close())

const dependencies = () => ({ ...world, realms: { fault: () => undefined } })
const about = (integrationId: IntegrationId) => ({
  tenantId: scope.tenantId,
  integrationId,
  at: expect.any(Date),
})

async function createDoor(
  settings: IntegrationSettings = { kind: 'wait' },
): Promise<IntegrationId> {
  const plan = { rpId: scope.rpId, name: 'VPN', settings }
  return (await granted(createIntegration(dependencies(), scope, plan))).integration.id
}

/** The ids of the live credentials. */
async function live(id: IntegrationId) {
  const integration = await world.integrations.findStored({ id })
  return (integration?.credentials ?? []).map((one) => one.id)
}

test('a pause, its end and a removal are logged in the order of their times, other changes are not', async () => {
  const id = await createDoor()
  const change = (changes: object) => granted(changeIntegration(dependencies(), scope, id, changes))
  await change({ name: 'SSH' })
  await change({ status: 'paused' })
  await change({ status: 'active' })
  await removeIntegration(dependencies(), scope, id)
  await removeIntegration(dependencies(), scope, id)
  expect(world.revocations).toEqual([
    { revocation: 'integration_paused', ...about(id) },
    { revocation: 'integration_activated', ...about(id) },
    { revocation: 'integration_removed', ...about(id) },
  ])
  const times = world.revocations.map(({ at }) => at.getTime())
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  for (const one of world.revocations) expect(readRevocation(revocationLine(one))).toEqual(one)
})

test('a rotation logs when the old secret ends: after the overlap, or immediately', async () => {
  const id = await createDoor()
  const [first] = await live(id)
  const rotate = (overlapSeconds: number) =>
    granted(rotateIntegration(dependencies(), scope, { id, overlapSeconds }))
  await rotate(3600)
  const [second] = (await live(id)).filter((one) => one !== first)
  await rotate(0)
  const credentialEnd = (credentialId = first) => ({
    revocation: 'integration_credential_ended',
    ...about(id),
    credentialId,
    endsAt: expect.any(Date),
  })
  const [firstEnd, ...atOnce] = world.revocations
  expect(firstEnd).toEqual(credentialEnd(first))
  expect(atOnce).toHaveLength(2)
  expect(atOnce).toEqual(expect.arrayContaining([credentialEnd(first), credentialEnd(second)]))
  const endsLater = world.revocations.map((one) => 'endsAt' in one && one.endsAt > one.at)
  expect(endsLater).toEqual([true, false, false])
})

test('settings that no longer need a secret end the existing ones', async () => {
  const realm = { kind: 'keycloak_ciba', issuers: ['https://id.example/realms/staff'] } as const
  const settings = { ...realm, clientIds: [], secretInPath: true }
  const id = await createDoor(settings)
  const [credentialId] = await live(id)
  await granted(
    changeIntegration(dependencies(), scope, id, {
      settings: { ...settings, secretInPath: false },
    }),
  )
  expect(world.revocations).toEqual([
    {
      revocation: 'integration_credential_ended',
      ...about(id),
      credentialId,
      endsAt: expect.any(Date),
    },
  ])
})
