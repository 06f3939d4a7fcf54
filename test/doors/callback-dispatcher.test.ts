import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { cancelChallenge } from '../../src/challenges/cancel-challenge.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { buildIntegrationUsage } from '../../src/doors/integration-usage.ts'
import { createIntegration } from '../../src/doors/integrations.ts'
import {
  buildCallbackDispatcher,
  type CallbackDispatcher,
} from '../../src/doors/keycloak/callback-dispatcher.ts'
import { buildRealms } from '../../src/doors/keycloak/realms.adapter.ts'
import { systemClock } from '../../src/platform/net/clock.ts'
import { buildEgressGuard } from '../../src/platform/net/egress-guard.ts'
import { aLog } from '../push/provider.ts'
import { type KeycloakDouble, startKeycloakDouble } from '../support/keycloak-double.ts'
import { until } from '../support/until.ts'
import { aPhone, aPrincipal, ask, granted, openWorld, type World } from '../support/world.ts'

const guard = buildEgressGuard({ networks: ['127.0.0.0/8'], httpHosts: ['127.0.0.1'] })
// Longer than any test waits: nothing proceeds because a wait timed out.
const realms = buildRealms({ guard, ca: [], clock: systemClock, timeoutMs: 60_000 })
/** As many as one realm may have under way. */
const perRealm = 16

let world: World
let silent: KeycloakDouble
let other: KeycloakDouble
const dispatchers: CallbackDispatcher[] = []
beforeAll(async () => {
  world = await openWorld()
})
afterAll(() => world.close())
beforeEach(async () => {
  silent = await startKeycloakDouble('silent')
  silent.setWeather('silent')
  other = await startKeycloakDouble('other')
})
afterEach(async () => {
  // Requests that hang at the realm end with its connections.
  await silent[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
  for (const dispatcher of dispatchers.splice(0)) await dispatcher.drain()
  await world.database.query('settled', 'delete from keycloak_callbacks', [])
})

function aDispatcher() {
  const { log, lines } = aLog()
  const integrationUsage = buildIntegrationUsage(world.integrations, systemClock, log)
  const leaseHolder = { name: 'worker', isPresent: () => true }
  const dispatcher = buildCallbackDispatcher({
    ...world,
    realms,
    integrationUsage,
    leaseHolder,
    log,
  })
  dispatchers.push(dispatcher)
  return Object.assign(dispatcher, { lines })
}

/** A tenant with a user, and an integration for these realms. */
async function aTenant(...realmDoubles: readonly KeycloakDouble[]) {
  const principal = await aPrincipal(world)
  await aPhone(world, principal)
  const { tenantId, rpId } = principal
  const settings = {
    kind: 'keycloak_ciba',
    issuers: realmDoubles.map(({ issuer }) => issuer),
    clientIds: [],
    secretInPath: false,
  } as const
  const { integration } = await granted(
    createIntegration(
      { ...world, realms },
      { tenantId, rpId, actor: 'operator' },
      { rpId, name: 'Keycloak', settings },
    ),
  )
  return { principal, tenantId, integrationId: integration.id }
}

/** Enqueues so many due callbacks for a realm that knows their requests: one call settles each. */
async function enqueueCallbacks(
  {
    principal,
    tenantId,
    integrationId,
  }: { principal: Principal } & Omit<Awaited<ReturnType<typeof aTenant>>, 'principal'>,
  { issuer, storeRequest }: KeycloakDouble,
  count: number,
): Promise<void> {
  for (let index = 0; index < count; index++) {
    const { id: challengeId } = (await granted(ask(world, principal))).challenge
    await granted(cancelChallenge(world, principal, challengeId))
    const token = `token of ${challengeId}`
    storeRequest(token)
    const tokenSealed = world.sealing.seal(token, `realm-token:${tenantId}:${challengeId}`)
    const callback = { tenantId, challengeId, integrationId, issuer, tokenSealed, delayMs: 0 }
    await world.keycloakCallbacks.enqueue(callback)
  }
}

const statuses = async ({ issuer }: KeycloakDouble) => {
  const text = `select status, count(*)::int as n from keycloak_callbacks where issuer = $1
    group by status order by status`
  const rows = await world.database.query<{ status: string; n: number }>('statuses', text, [issuer])
  return Object.fromEntries(rows.map(({ status, n }) => [status, n]))
}

test('a silent realm delays neither the realms of other tenants nor others of its own', async () => {
  const hostile = await aTenant(silent, other)
  const theirs = await aTenant(other)
  await enqueueCallbacks(hostile, silent, perRealm + 4)
  const dispatcher = aDispatcher()
  await dispatcher.work()
  await until('the silent realm has requests under way', () => silent.callbacks.length === perRealm)
  for (const tenant of [theirs, hostile]) {
    const before = other.callbacks.length
    await enqueueCallbacks(tenant, other, 1)
    await dispatcher.work()
    await until('the other realm is called', () => other.callbacks.length > before)
  }
  expect(await statuses(silent)).toEqual({ owed: 4, trying: perRealm })
  expect(silent.callbacks).toHaveLength(perRealm)
})

test('a callback that waited for a slot is sent as soon as there is one', async () => {
  const tenant = await aTenant(other)
  await enqueueCallbacks(tenant, other, perRealm + 4)
  await aDispatcher().work()
  await until('all are settled', async () => (await statuses(other)).settled === perRealm + 4)
  expect(other.callbacks).toHaveLength(perRealm + 4)
})

test('no tenant takes all slots, and the one with the fewest under way comes first', async () => {
  const hostile = await aTenant(silent, other)
  const theirs = await aTenant(other)
  await enqueueCallbacks(hostile, silent, 4)
  await enqueueCallbacks(hostile, other, 4)
  await enqueueCallbacks(theirs, other, 4)
  const places = { limit: 100, perTenant: 5, perRealm: 3, loads: [], triedBy: 'another' }
  const take = async (changes: object) =>
    (await world.keycloakCallbacks.take({ ...places, ...changes })).map(({ tenantId, issuer }) =>
      [
        tenantId === hostile.tenantId ? 'hostile' : 'their',
        issuer === silent.issuer ? 1 : 2,
      ].join(),
    )
  const { tenantId } = hostile
  const load = (double: KeycloakDouble, inFlight: number) => {
    return { tenantId, issuer: double.issuer, inFlight }
  }
  const one = await take({ limit: 1, loads: [load(silent, 1), load(other, 1)] })
  expect(one).toEqual(['their,2'])
  const two = await take({ loads: [load(silent, 3), load(other, 1)], perTenant: 5 })
  expect(two.toSorted()).toEqual(['hostile,2', 'their,2', 'their,2', 'their,2'])
  const three = await take({})
  expect(three.toSorted()).toEqual([
    'hostile,1',
    'hostile,1',
    'hostile,1',
    'hostile,2',
    'hostile,2',
  ])
})

test('no tenant takes more places than it leaves free', async () => {
  const hostile = await aTenant(silent, other)
  const theirs = await aTenant(other)
  await enqueueCallbacks(hostile, other, 4)
  await enqueueCallbacks(theirs, other, 4)
  const loads = [{ tenantId: hostile.tenantId, issuer: silent.issuer, inFlight: 3 }]
  const places = { limit: 4, perTenant: 100, perRealm: 100, loads, triedBy: 'another' }
  const callbacks = await world.keycloakCallbacks.take(places)
  expect(callbacks.map(({ tenantId }) => tenantId)).toEqual([theirs.tenantId, theirs.tenantId])
})

test('of many processes, one calls: each realm gets one callback for each challenge', async () => {
  const tenant = await aTenant(other)
  await enqueueCallbacks(tenant, other, 8)
  const all = [aDispatcher(), aDispatcher(), aDispatcher()]
  await Promise.all(all.map((dispatcher) => dispatcher.work()))
  for (const dispatcher of all) await dispatcher.drain()
  expect(other.callbacks).toHaveLength(8)
  expect(await statuses(other)).toEqual({ settled: 8 })
})

test('a stop begins nothing more, and waits until running callbacks are recorded', async () => {
  const tenant = await aTenant(silent)
  await enqueueCallbacks(tenant, silent, 2)
  const dispatcher = aDispatcher()
  await dispatcher.work()
  await until('both are under way', () => silent.callbacks.length === 2)
  let isDrained = false
  const draining = dispatcher.drain().then(() => {
    isDrained = true
  })
  await enqueueCallbacks(tenant, silent, 1)
  await dispatcher.work()
  expect(isDrained).toBe(false)
  await silent[Symbol.asyncDispose]()
  await draining
  expect(await statuses(silent)).toEqual({ owed: 1, settled: 2 })
})

test('a token that cannot be opened is logged, and delays no other callback', async () => {
  const tenant = await aTenant(other)
  await enqueueCallbacks(tenant, other, 2)
  await world.database.query(
    'spoil',
    `update keycloak_callbacks set token_sealed = '\\x00'
     where challenge_id = (select min(challenge_id) from keycloak_callbacks)`,
    [],
  )
  const dispatcher = aDispatcher()
  await dispatcher.work()
  await dispatcher.drain()
  expect(other.callbacks).toHaveLength(1)
  expect(dispatcher.lines.map(({ level }) => level)).toEqual(['error'])
})
