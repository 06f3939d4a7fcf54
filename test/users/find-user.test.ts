import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Principal } from '../../src/domain/principal.ts'
import { findUser, listUsers } from '../../src/users/find-user.ts'
import { importUser } from '../../src/users/import-user.ts'
import { aPrincipal, granted, openWorld, type World } from '../support/world.ts'

let world: World
let entra: Principal
let okta: Principal
let both: Principal

beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  entra = await aPrincipal(world, ['entra'])
  okta = await aPrincipal(world, ['okta'], entra.tenantId)
  both = await aPrincipal(world, ['entra', 'okta'], entra.tenantId)
})
afterAll(() => world.close())

const page = { limit: 10, before: null }
const ada = [
  { namespace: 'entra', value: 'ada@example.com' },
  { namespace: 'okta', value: '00u-secret' },
]
const importAda = () => granted(importUser(world, both, { displayName: 'Ada', identifiers: ada }))

test('a relying party sees a user’s names in its own namespaces and in no other', async () => {
  const { user } = await importAda()
  expect(user.identifiers).toEqual(ada)
  const views = [
    await granted(findUser(world, entra, { id: user.id })),
    await granted(findUser(world, entra, 'ada@example.com')),
    ...(await listUsers(world, entra, page)),
    (
      await granted(
        importUser(world, entra, { displayName: 'Ada', identifiers: ['ada@example.com'] }),
      )
    ).user,
  ]
  expect(views).toHaveLength(4)
  for (const one of views) {
    expect(one).toEqual({ ...user, identifiers: [ada[0]] })
  }
})

test('a user without a name in its namespaces does not exist for it', async () => {
  const { user } = await granted(
    importUser(world, okta, { displayName: 'Bob', identifiers: ['bob'] }),
  )
  const none = { refused: 'not_found' }
  expect(await findUser(world, entra, { id: user.id })).toEqual(none)
  expect(await findUser(world, entra, 'bob')).toEqual(none)
  expect(await listUsers(world, entra, page)).toEqual([])
  const foreignName = { namespace: 'okta', value: 'bob' }
  expect(await findUser(world, entra, foreignName)).toMatchObject({
    refused: 'namespace_not_granted',
  })
})

test('no user is imported under a namespace that was not granted', async () => {
  const command = { displayName: 'Eve', identifiers: ['eve', { namespace: 'okta', value: 'eve' }] }
  expect(await importUser(world, entra, command)).toEqual({
    refused: 'namespace_not_granted',
    facts: { namespace: 'okta' },
  })
  expect(await listUsers(world, both, page)).toEqual([])
})

test('a name listed twice counts once, and one that is taken is refused', async () => {
  const twice = { displayName: 'Eve', identifiers: ['eve', { namespace: 'entra', value: 'eve' }] }
  const { user } = await granted(importUser(world, entra, twice))
  expect(user.identifiers).toEqual([{ namespace: 'entra', value: 'eve' }])
  const other = { displayName: 'Mallory', identifiers: ['mallory', 'eve'] }
  expect(await importUser(world, entra, other)).toEqual({ refused: 'identifier_taken' })
})
