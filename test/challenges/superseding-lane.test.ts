import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildChallengeStore } from '../../src/challenges/challenges.sql.ts'
import type { TenantId } from '../../src/domain/ids.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import type { Queries } from '../../src/platform/postgres/database.ts'
import { buildBatchLanes } from '../support/lanes.ts'
import { aNewChallenge, aUser, openStores, type Stores, type TestUser } from '../support/stores.ts'
import { until } from '../support/until.ts'

let stores: Stores
beforeAll(async () => {
  stores = await openStores()
})
afterAll(() => stores.close())

/** Challenges whose statements end when the test says so; nothing is executed. */
function openHeld() {
  const sentStatements: { readonly of: string }[] = []
  const ends: (() => void)[] = []
  const recorder: Queries = {
    query(_name, _text, values) {
      sentStatements.push({ of: JSON.stringify(values) })
      const { promise, resolve } = Promise.withResolvers<never[]>()
      ends.push(() => resolve([]))
      return promise
    },
  }
  const database = { ...stores.database, reserved: recorder }
  const endOne = () => {
    const end = ends.shift()
    end?.()
    return end !== undefined
  }
  return {
    challenges: buildChallengeStore(database, random, buildBatchLanes()),
    sentStatements,
    endOne,
  }
}

/** A question of this user in the place of another. */
async function aReload(user: TestUser) {
  const { challenge } = await aNewChallenge(stores, user, [])
  const chain = { id: challenge.id, startedAt: challenge.createdAt }
  const next = await aNewChallenge(stores, user, [])
  return { ...next, superseded: { challenge, chain, closings: [] } }
}

test('a flood of reloads of one tenant holds up neither reload nor creation of another', async () => {
  const [flooding, other] = [await aUser(stores), await aUser(stores)]
  const { challenges, sentStatements, endOne } = openHeld()
  const flood = await Promise.all(Array.from({ length: 40 }, () => aReload(flooding)))
  // At the same moment: one that comes alone begins at once anyway.
  const theirs = [await aReload(other), await aNewChallenge(stores, other, [])]
  const all: Promise<unknown>[] = flood.map((reload) => challenges.create(reload, 'process'))
  await until('the flood has begun', () => sentStatements.length > 0)
  all.push(...theirs.map((one) => challenges.create(one, 'process')))
  const countOf = (tenantId: TenantId) =>
    sentStatements.filter(({ of }) => of.includes(tenantId)).length
  await until('the creation begins at once', () => countOf(other.tenantId) > 0)
  await until('the reload begins', () => {
    endOne()
    return countOf(other.tenantId) === 2
  })
  expect(countOf(flooding.tenantId)).toBeLessThan(flood.length / 2)
  const endPromise = Promise.all(all)
  await until('all have begun', () => {
    endOne()
    return sentStatements.length === all.length
  })
  while (endOne());
  expect(await endPromise).toEqual(Array(all.length).fill('changed'))
})
