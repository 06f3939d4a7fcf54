import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { UserId } from '../../src/domain/ids.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import type { Identifier, User } from '../../src/users/user.store.ts'
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

const identifier = (value: string, namespace = 'default'): Identifier => ({ namespace, value })

function importUser(identifiers: readonly Identifier[], displayName = 'Bob') {
  const { tenantId } = user
  const id = systemRandom.id('user')
  return stores.users.import({ tenantId, id, displayName, identifiers }, 'operator')
}

describe('a user is imported', () => {
  test('a user is imported with all names, and found by each of them', async () => {
    const identifiers = [identifier('bob'), identifier('bob@example.com', 'entra')]
    const result = await importUser(identifiers)
    expect(result).toMatchObject({ isNew: true, user: { displayName: 'Bob', identifiers } })
    for (const identifier of identifiers) {
      const userFound = await stores.users.findByIdentifier(user.tenantId, identifier)
      expect(userFound).toEqual(result?.user)
    }
    expect(await stores.users.find(user.tenantId, result?.user.id as UserId)).toEqual(result?.user)
    const activities = await stores.activities.list(user.tenantId, result?.user.id as UserId, {
      limit: 10,
      before: null,
    })
    expect(activities).toMatchObject([{ type: 'user_imported', actor: 'operator' }])
  })

  test('a user is imported once: the same names again return the existing user', async () => {
    const first = await importUser([identifier('bob'), identifier('b2')])
    expect(await importUser([identifier('b2'), identifier('bob')], 'Robert')).toEqual({
      user: first?.user,
      isNew: false,
    })
    expect(await importUser([identifier('bob')], 'Robert')).toMatchObject({ isNew: false })
  })

  test('a user is imported once: 20 parallel imports of one name create one user', async () => {
    const imports = await Promise.all(
      Array.from({ length: 20 }, () => importUser([identifier('bob')])),
    )
    expect(imports.filter((one) => one?.isNew)).toHaveLength(1)
    expect(new Set(imports.map((one) => one?.user.id)).size).toBe(1)
  })

  test('parallel imports with overlapping names share none, and never deadlock', async () => {
    const names = [identifier('a'), identifier('b'), identifier('c'), identifier('d')] as const
    const pairs = Array.from({ length: 24 }, (_, index) => [
      names[(index % 4) as 0],
      names[((index + 1 + (index % 3)) % 4) as 0],
    ])
    const imports = await Promise.all(pairs.map((pair) => importUser(pair)))
    const owners = new Map<string, string>()
    for (const one of imports.filter((result) => result !== null)) {
      for (const { value } of one.user.identifiers) {
        expect(owners.get(value) ?? one.user.id).toBe(one.user.id)
        owners.set(value, one.user.id)
      }
    }
    expect(owners.size).toBeGreaterThanOrEqual(2)
    expect(imports).toContain(null)
  })

  test('no user is imported with a name of another user, and nothing is left behind', async () => {
    expect(await importUser([identifier('bob'), identifier('alice')])).toBeNull()
    expect(await stores.users.findByIdentifier(user.tenantId, identifier('bob'))).toBeNull()
    expect(
      await stores.users.list(user.tenantId, ['default'], { limit: 10, before: null }),
    ).toHaveLength(1)
  })

  test('no user is imported with names of two users', async () => {
    await importUser([identifier('bob')])
    expect(await importUser([identifier('alice'), identifier('bob')])).toBeNull()
  })
})

describe('a name', () => {
  test.each(['Alice', 'alice ', ' alice', 'alicé', 'alic', '', '%', "' or '1'='1"])(
    'a name is compared letter by letter: %j is not alice',
    async (value) => {
      expect(await stores.users.findByIdentifier(user.tenantId, identifier(value))).toBeNull()
    },
  )

  test('a name is another in another namespace', async () => {
    expect(
      await stores.users.findByIdentifier(user.tenantId, identifier('alice', 'other')),
    ).toBeNull()
    expect(await importUser([identifier('alice', 'other')])).toMatchObject({ isNew: true })
  })
})

test('users are listed newest first, page by page, by the granted namespaces', async () => {
  const ids: UserId[] = []
  for (let count = 0; count < 5; count++) {
    const result = await importUser([
      identifier(`u${count}`, 'listed'),
      identifier(`v${count}`, 'also'),
    ])
    ids.unshift(result?.user.id as UserId)
  }
  await importUser([identifier('hidden', 'secret')])
  const listedIds: UserId[] = []
  let before: string | null = null
  for (;;) {
    const page: User[] = await stores.users.list(user.tenantId, ['listed', 'also'], {
      limit: 2,
      before,
    })
    const last = page.at(-1)
    if (!last) break
    listedIds.push(...page.map(({ id }) => id))
    before = last.id
  }
  expect(listedIds).toEqual(ids)
  expect(await stores.users.list(user.tenantId, [], { limit: 10, before: null })).toEqual([])
})
