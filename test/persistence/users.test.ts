import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { UserId } from '../../src/domain/ids.ts'
import { systemRandom } from '../../src/outbound/random.ts'
import type { Identifier, User } from '../../src/ports/directory-store.ts'
import { aUser, openStores, type Stores, type TestUser } from '../support/stores.ts'

let stores: Stores
let user: TestUser

beforeAll(async () => {
  stores = await openStores()
})
beforeEach(async () => {
  user = await aUser(stores)
})
afterAll(() => stores.close())

const named = (value: string, namespace = 'default'): Identifier => ({ namespace, value })

function importUser(identifiers: readonly Identifier[], displayName = 'Bob') {
  const { tenantId } = user
  const id = systemRandom.id('user')
  return stores.users.import({ tenantId, id, displayName, identifiers }, 'operator')
}

describe('a user is imported', () => {
  test('with all names, and found by each of them', async () => {
    const identifiers = [named('bob'), named('bob@example.com', 'entra')]
    const imported = await importUser(identifiers)
    expect(imported).toMatchObject({ isNew: true, user: { displayName: 'Bob', identifiers } })
    for (const identifier of identifiers) {
      const found = await stores.users.findByIdentifier(user.tenantId, identifier)
      expect(found).toEqual(imported?.user)
    }
    expect(await stores.users.find(user.tenantId, imported?.user.id as UserId)).toEqual(
      imported?.user,
    )
    const told = await stores.activities.list(user.tenantId, imported?.user.id as UserId, {
      limit: 10,
      before: null,
    })
    expect(told).toMatchObject([{ type: 'user_imported', actor: 'operator' }])
  })

  test('once: the same names again give the user as it is', async () => {
    const first = await importUser([named('bob'), named('b2')])
    expect(await importUser([named('b2'), named('bob')], 'Robert')).toEqual({
      user: first?.user,
      isNew: false,
    })
    expect(await importUser([named('bob')], 'Robert')).toMatchObject({ isNew: false })
  })

  test('once: 20 parallel imports of one name make one user', async () => {
    const imported = await Promise.all(Array.from({ length: 20 }, () => importUser([named('bob')])))
    expect(imported.filter((one) => one?.isNew)).toHaveLength(1)
    expect(new Set(imported.map((one) => one?.user.id)).size).toBe(1)
  })

  test('and parallel imports with overlapping names never share one, and never deadlock', async () => {
    const names = [named('a'), named('b'), named('c'), named('d')] as const
    const pairs = Array.from({ length: 24 }, (_, index) => [
      names[(index % 4) as 0],
      names[((index + 1 + (index % 3)) % 4) as 0],
    ])
    const imported = await Promise.all(pairs.map((pair) => importUser(pair)))
    const owners = new Map<string, string>()
    for (const one of imported.filter((made) => made !== null)) {
      for (const { value } of one.user.identifiers) {
        expect(owners.get(value) ?? one.user.id).toBe(one.user.id)
        owners.set(value, one.user.id)
      }
    }
    expect(owners.size).toBeGreaterThanOrEqual(2)
    expect(imported).toContain(null)
  })

  test('not with a name that is somebody else’s, and then nothing is left behind', async () => {
    expect(await importUser([named('bob'), named('alice')])).toBeNull()
    expect(await stores.users.findByIdentifier(user.tenantId, named('bob'))).toBeNull()
    expect(
      await stores.users.list(user.tenantId, ['default'], { limit: 10, before: null }),
    ).toHaveLength(1)
  })

  test('not with names of two users', async () => {
    await importUser([named('bob')])
    expect(await importUser([named('alice'), named('bob')])).toBeNull()
  })
})

describe('a name', () => {
  test.each(['Alice', 'alice ', ' alice', 'alicé', 'alic', '', '%', "' or '1'='1"])(
    'is compared letter by letter: %j is not alice',
    async (value) => {
      expect(await stores.users.findByIdentifier(user.tenantId, named(value))).toBeNull()
    },
  )

  test('is another in another namespace', async () => {
    expect(await stores.users.findByIdentifier(user.tenantId, named('alice', 'other'))).toBeNull()
    expect(await importUser([named('alice', 'other')])).toMatchObject({ isNew: true })
  })
})

test('users are listed newest first, page by page, by the namespaces that were granted', async () => {
  const ids: UserId[] = []
  for (let count = 0; count < 5; count++) {
    const imported = await importUser([named(`u${count}`, 'listed'), named(`v${count}`, 'also')])
    ids.unshift(imported?.user.id as UserId)
  }
  await importUser([named('hidden', 'secret')])
  const seen: UserId[] = []
  let before: string | null = null
  for (;;) {
    const page: User[] = await stores.users.list(user.tenantId, ['listed', 'also'], {
      limit: 2,
      before,
    })
    const last = page.at(-1)
    if (!last) break
    seen.push(...page.map(({ id }) => id))
    before = last.id
  }
  expect(seen).toEqual(ids)
  expect(await stores.users.list(user.tenantId, [], { limit: 10, before: null })).toEqual([])
})
