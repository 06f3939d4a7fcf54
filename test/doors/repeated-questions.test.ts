import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Principal } from '../../src/domain/principal.ts'
import { plainMapping } from '../../src/domain/user-name.ts'
import { askAndWait } from '../../src/doors/ask.ts'
import type { DoorClient } from '../../src/doors/authenticate-integration.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { aPhone, aPrincipal, openWorld, type World } from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

function clientOf({ tenantId, rpId, rpName, namespaces }: Principal): DoorClient {
  const id = systemRandom.id('integration')
  const now = new Date()
  return {
    door: { tenantId, rpId, rpName, namespaces, integrationId: id, policy: {} },
    integration: {
      ...{ tenantId, rpId, id, name: 'VPN', settings: { kind: 'wait' }, numberMode: 'caller' },
      ...{ namespace: 'default', userNames: plainMapping, allowedAddresses: [], policy: {} },
      ...{ ttlSeconds: null, status: 'active', integrationKey: null, revision: 0 },
      ...{ createdAt: now, updatedAt: now, uses: 0, lastUsedAt: null, lastError: null },
    },
  }
}

test.each([
  ['is cancelled', {}, 'cancelled'],
  ['stays for its repetition where it has a name', { idempotencyKey: 'one' }, 'pending'],
] as const)('a question whose client has disconnected %s', async (_, key, status) => {
  const principal = await aPrincipal(world)
  await aPhone(world, principal)
  const integrationUsage = { recordUse: () => undefined, recordFailure: () => undefined }
  const before = world.dispatchedPushes.length
  const isAsked = () => world.dispatchedPushes.length > before
  const wait = { isAborted: isAsked, stillAllowed: async () => undefined }
  const question = { userName: 'alice', number: '123456', context: {}, ...key }
  const dependencies = { ...world, integrationUsage }
  const end = await askAndWait(dependencies, clientOf(principal), question, wait)
  expect(end).toMatchObject({ outcome: 'unavailable' })
  const rows = await world.database.query<{ status: string }>(
    'statuses',
    'select status from challenges where tenant_id = $1',
    [principal.tenantId],
  )
  expect(rows).toEqual([{ status }])
})
