import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildIntegrationAuthentication } from '../../src/doors/authenticate-integration.ts'
import { changeIntegration, createIntegration } from '../../src/doors/integrations.ts'
import { aPrincipal, granted, openWorld, type World } from '../support/world.ts'

let world: World

beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())

/** Longest that a client may go on waiting where the signal of a change was lost. */
const ageMaxMs = 1_000
const integrationUsage = { recordUse: () => undefined, recordFailure: () => undefined }

/** A door with its secret, and a process that gets no signals. */
async function aDoor() {
  const { tenantId, rpId } = await aPrincipal(world)
  const scope = { tenantId, rpId, actor: 'operator' } as const
  const dependencies = { ...world, realms: { fault: () => undefined } }
  const plan = { rpId, name: 'VPN', settings: { kind: 'wait' } } as const
  const { integration, secret } = await granted(createIntegration(dependencies, scope, plan))
  let lookUps = 0
  const integrations = {
    findStored: (...args: Parameters<World['integrations']['findStored']>) => {
      lookUps += 1
      return world.integrations.findStored(...args)
    },
  }
  const authentication = buildIntegrationAuthentication({
    ...world,
    integrations,
    integrationUsage,
  })
  const call = {
    kind: 'wait',
    handle: { id: integration.id },
    proof: { secret },
    address: '203.0.113.7',
  } as const
  const pause = () =>
    granted(changeIntegration(dependencies, scope, integration.id, { status: 'paused' }))
  return { authentication, call, pause, countLookUps: () => lookUps }
}

const refusal = { refused: 'integration_paused' }

test('a paused integration lets nobody in, also where the signal was lost', async () => {
  const { authentication, call, pause } = await aDoor()
  expect(await authentication.enter(call)).toMatchObject({ integration: { name: 'VPN' } })
  await pause()
  expect(await authentication.enter(call)).toEqual(refusal)
})

test('a client may go on waiting for a second at most where the signal was lost', async () => {
  const { authentication, call, pause } = await aDoor()
  await authentication.enter(call)
  await pause()
  expect(await authentication.stillAllowed(call)).toBeUndefined()
  world.moveClock(ageMaxMs)
  expect(await authentication.stillAllowed(call)).toEqual(refusal)
})

test('any number of concurrent calls costs at most two look-ups', async () => {
  const { authentication, call, countLookUps } = await aDoor()
  await Promise.all(Array.from({ length: 50 }, () => authentication.enter(call)))
  expect(countLookUps()).toBe(2)
})
