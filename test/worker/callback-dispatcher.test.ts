import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Principal } from '../../src/domain/principal.ts'
import { systemClock } from '../../src/outbound/clock.ts'
import { buildEgressGuard } from '../../src/outbound/egress-guard.ts'
import { buildRealms } from '../../src/outbound/realms.ts'
import { cancelChallenge } from '../../src/usecases/cancel-challenge.ts'
import { createIntegration } from '../../src/usecases/integrations.ts'
import {
  buildCallbackDispatcher,
  type CallbackDispatcher,
} from '../../src/worker/callback-dispatcher.ts'
import { buildIntegrationUsage } from '../../src/worker/integration-usage.ts'
import { type KeycloakDouble, startKeycloakDouble } from '../support/keycloak-double.ts'
import { until } from '../support/until.ts'
import { aPhone, aPrincipal, ask, granted, openWorld, type World } from '../usecases/world.ts'
import { aLog } from './provider.ts'

const guard = buildEgressGuard({ networks: ['127.0.0.0/8'], httpHosts: ['127.0.0.1'] })
// Longer than any test waits: nothing goes on because somebody gave up.
const realms = buildRealms({ guard, ca: [], clock: systemClock, timeoutMs: 60_000 })
/** As many as one realm may have under way. */
const perRealm = 16

let world: World
let silent: KeycloakDouble
let other: KeycloakDouble
const couriers: CallbackDispatcher[] = []
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
  // What hangs at the realm ends with its connections.
  await silent[Symbol.asyncDispose]()
  await other[Symbol.asyncDispose]()
  for (const courier of couriers.splice(0)) await courier.drain()
  await world.database.query('settled', 'delete from keycloak_callbacks', [])
})

function aCourier() {
  const { log, lines } = aLog()
  const integrationUsage = buildIntegrationUsage(world.integrations, systemClock, log)
  const leaseHolder = { name: 'worker', isPresent: () => true }
  const courier = buildCallbackDispatcher({ ...world, realms, integrationUsage, leaseHolder, log })
  couriers.push(courier)
  return Object.assign(courier, { lines })
}

/** A tenant with a person, and an integration for these realms. */
async function aTenant(...asking: readonly KeycloakDouble[]) {
  const principal = await aPrincipal(world)
  await aPhone(world, principal)
  const { tenantId, rpId } = principal
  const settings = {
    kind: 'keycloak_ciba',
    issuers: asking.map(({ issuer }) => issuer),
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

/** Owes the realm so many callbacks that are due. */
async function owe(
  {
    principal,
    tenantId,
    integrationId,
  }: { principal: Principal } & Omit<Awaited<ReturnType<typeof aTenant>>, 'principal'>,
  { issuer }: KeycloakDouble,
  count: number,
): Promise<void> {
  for (let made = 0; made < count; made++) {
    const { id: challengeId } = (await granted(ask(world, principal))).challenge
    await granted(cancelChallenge(world, principal, challengeId))
    const tokenSealed = world.sealing.seal('token', `realm-token:${tenantId}:${challengeId}`)
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

test('a realm that is silent holds up neither the realms of other tenants nor others of its own', async () => {
  const hostile = await aTenant(silent, other)
  const theirs = await aTenant(other)
  await owe(hostile, silent, perRealm + 4)
  const courier = aCourier()
  await courier.work()
  await until('the silent realm keeps us waiting', () => silent.callbacks.length === perRealm)
  for (const tenant of [theirs, hostile]) {
    const before = other.callbacks.length
    await owe(tenant, other, 1)
    await courier.work()
    await until('the other realm is told', () => other.callbacks.length > before)
  }
  expect(await statuses(silent)).toEqual({ owed: 4, trying: perRealm })
  expect(silent.callbacks).toHaveLength(perRealm)
})

test('what waited for a place is called as soon as there is one', async () => {
  const tenant = await aTenant(other)
  await owe(tenant, other, perRealm + 4)
  await aCourier().work()
  await until('all are told', () => other.callbacks.length === perRealm + 4)
})

test('no tenant takes all places, and who has the fewest under way comes first', async () => {
  const hostile = await aTenant(silent, other)
  const theirs = await aTenant(other)
  await owe(hostile, silent, 4)
  await owe(hostile, other, 4)
  await owe(theirs, other, 4)
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
  await owe(hostile, other, 4)
  await owe(theirs, other, 4)
  const loads = [{ tenantId: hostile.tenantId, issuer: silent.issuer, inFlight: 3 }]
  const places = { limit: 4, perTenant: 100, perRealm: 100, loads, triedBy: 'another' }
  const taken = await world.keycloakCallbacks.take(places)
  expect(taken.map(({ tenantId }) => tenantId)).toEqual([theirs.tenantId, theirs.tenantId])
})

test('of many processes, one calls: each realm is told once about each question', async () => {
  const tenant = await aTenant(other)
  await owe(tenant, other, 8)
  const all = [aCourier(), aCourier(), aCourier()]
  await Promise.all(all.map((courier) => courier.work()))
  for (const courier of all) await courier.drain()
  expect(other.callbacks).toHaveLength(8)
})

test('a stop takes up nothing more, and waits until what is under way is written down', async () => {
  const tenant = await aTenant(silent)
  await owe(tenant, silent, 2)
  const courier = aCourier()
  await courier.work()
  await until('both are under way', () => silent.callbacks.length === 2)
  let isDrained = false
  const drained = courier.drain().then(() => {
    isDrained = true
  })
  await owe(tenant, silent, 1)
  await courier.work()
  expect(isDrained).toBe(false)
  await silent[Symbol.asyncDispose]()
  await drained
  expect(await statuses(silent)).toEqual({ owed: 1, settled: 2 })
})

test('a token that cannot be opened is logged, and holds up nobody', async () => {
  const tenant = await aTenant(other)
  await owe(tenant, other, 2)
  await world.database.query(
    'spoil',
    `update keycloak_callbacks set token_sealed = '\\x00'
     where challenge_id = (select min(challenge_id) from keycloak_callbacks)`,
    [],
  )
  const courier = aCourier()
  await courier.work()
  await courier.drain()
  expect(other.callbacks).toHaveLength(1)
  expect(courier.lines.map(({ level }) => level)).toEqual(['error'])
})
