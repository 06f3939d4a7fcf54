import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { identifierKey } from '../../src/domain/user-name.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { aUser, noExceptions, openStores, type Stores, type TestUser } from '../support/stores.ts'

let stores: Stores
let tenant: TestUser
beforeAll(async () => {
  stores = await openStores()
})
beforeEach(async () => {
  tenant = await aUser(stores)
})
afterAll(() => stores.close())

const change = (rule: 'exact' | 'fold_ascii') =>
  stores.tenants.changeIdentifierCase(tenant.tenantId, rule, 20, 'operator')
function add(...values: string[]) {
  const identifiers = values.map((value) => ({ namespace: 'default', value }))
  const user = {
    tenantId: tenant.tenantId,
    id: systemRandom.id('user'),
    displayName: 'x',
    identifiers,
  }
  return stores.users.import(user, 'operator')
}
const find = async (value: string, namespace = 'default') =>
  (await stores.users.findByIdentifier(tenant.tenantId, { namespace, value }))?.id
const auditedRules = async () => {
  const page = { limit: 10, before: null }
  const events = await stores.audit.list(tenant.tenantId, { type: 'tenant_changed' }, page)
  return events.map(({ details }) => details)
}

describe('a tenant that folds case', () => {
  test('finds mail-shaped identifiers in any ASCII case, and shows them as stored', async () => {
    const user = await add('Ada.L@Example.COM')
    for (const value of ['ada.l@example.com', 'ADA.L@EXAMPLE.COM', 'Ada.L@Example.COM']) {
      expect(await find(value)).toBe(user?.user.id)
      expect(await add(value)).toEqual({ isNew: false, user: user?.user })
    }
    expect(user?.user.identifiers).toEqual([{ namespace: 'default', value: 'Ada.L@Example.COM' }])
  })

  test.each([
    ['a name that is no address', 'Ada', 'ada'],
    ['an address with two parts too many', 'A@b@c', 'a@b@c'],
    [
      'letters that only look like ASCII when they are folded',
      '\u212aim@example.com',
      'kim@example.com',
    ],
    ['letters of other alphabets', 'Ärzte@example.com', 'ärzte@example.com'],
    ['the dotted and the dotless i', 'İ@example.com', 'i@example.com'],
  ])('a tenant that folds case distinguishes %s', async (_, one, other) => {
    const [first, second] = [await add(one), await add(other)]
    expect([first?.isNew, second?.isNew]).toEqual([true, true])
    expect([await find(one), await find(other)]).toEqual([first?.user.id, second?.user.id])
  })

  test('a tenant that folds case accepts two spellings in one import as one name', async () => {
    const user = await add('Ada@example.com', 'ada@example.com', 'ada')
    expect(user?.user.identifiers.map(({ value }) => value)).toEqual(['Ada@example.com', 'ada'])
  })

  test('has one user for any concurrently imported spellings', async () => {
    const spellings = Array.from({ length: 20 }, (_, at) =>
      [...'abcdefgh@example.com']
        .map((letter, i) => (((at * 7) >> i) & 1 ? letter.toUpperCase() : letter))
        .join(''),
    )
    const imports = await Promise.all(spellings.map((value) => add(value)))
    expect(imports.filter((one) => one?.isNew)).toHaveLength(1)
    expect(new Set(imports.map((one) => one?.user.id)).size).toBe(1)
  })

  test('has one user also by a constraint, should two processes miss each other', async () => {
    const user = await add('ada@example.com')
    const insert = stores.database.query(
      'second_spelling',
      `insert into user_identifiers (tenant_id, namespace, value, key, folds, user_id)
       values ($1, 'default', 'ADA@example.com', 'ada@example.com', true, $2)`,
      [tenant.tenantId, user?.user.id],
    )
    await expect(insert).rejects.toMatchObject({ constraint: 'user_identifiers_folded' })
  })

  test('finds nobody where a name matches several users, rather than one of them', async () => {
    const [one, other] = [await add('ada@example.com'), await add('bob@example.com')]
    expect(one?.user.id).not.toBe(other?.user.id)
    await stores.database.query(
      'by_hand',
      `update user_identifiers set key = 'ada@example.com', folds = false where user_id = $1`,
      [other?.user.id],
    )
    expect(await find('Ada@example.com')).toBeUndefined()
  })

  test('a tenant that folds case finds by namespace only what is in that namespace', async () => {
    await add('ada@example.com')
    expect(await find('ada@example.com', 'entra')).toBeUndefined()
  })
})

describe('a tenant with exact identifiers', () => {
  beforeEach(() => change('exact'))

  test('distinguishes every letter, as before there was a choice', async () => {
    const [one, other] = [await add('Ada@example.com'), await add('ada@example.com')]
    expect([one?.isNew, other?.isNew]).toEqual([true, true])
    expect(await find('Ada@example.com')).toBe(one?.user.id)
    expect(await find('ada@example.com')).toBe(other?.user.id)
    expect(await find('ADA@example.com')).toBeUndefined()
    expect(await add('Ada@example.com', 'ada@example.com')).toBeNull()
  })

  test('folds only after no identifiers of different users would become one', async () => {
    await add('Eve@example.com', 'eve@example.com')
    const [one] = [await add('Ada@example.com'), await add('ada@example.com'), await add('Bob')]
    await add('bob')
    expect(await change('fold_ascii')).toEqual({
      kind: 'collide',
      collisions: [{ namespace: 'default', values: ['Ada@example.com', 'ada@example.com'] }],
    })
    expect(await find('ADA@example.com')).toBeUndefined()
    expect(await auditedRules()).toHaveLength(1)
    await stores.personalData.cutOff(
      tenant.tenantId,
      one?.user.id as never,
      'operator',
      noExceptions,
    )
    expect(await change('fold_ascii')).toMatchObject({ tenant: { identifierCase: 'fold_ascii' } })
    expect(await find('ADA@example.com')).toBe(await find('ada@example.com'))
    expect(await find('EVE@example.com')).toBe(await find('Eve@example.com'))
    expect(await auditedRules()).toEqual([
      { identifierCase: { before: 'exact', after: 'fold_ascii' } },
      { identifierCase: { before: 'fold_ascii', after: 'exact' } },
    ])
    expect(await change('fold_ascii')).toMatchObject({ tenant: { identifierCase: 'fold_ascii' } })
    expect(await auditedRules()).toHaveLength(2)
  })

  test('folds without two users of one name, whatever is imported at that moment', async () => {
    let foldedCount = 0
    let refusedCount = 0
    for (let round = 0; round < 40; round++) {
      await change('exact')
      const name = `user${round}@example.com`
      const upper = name.toUpperCase()
      // Both names before, one, at the same moment in either order, or both after.
      const steps = [
        async () => (await Promise.all([add(name), add(upper)])) && change('fold_ascii'),
        async () => (await add(name)) && Promise.all([change('fold_ascii'), add(upper)]),
        async () => Promise.all([change('fold_ascii'), add(name), add(upper)]),
        async () => Promise.all([add(name), add(upper), change('fold_ascii')]),
        async () => [await change('fold_ascii'), await Promise.all([add(name), add(upper)])],
      ]
      await steps[round % steps.length]?.()
      const tenantNow = await stores.tenants.findTenant(tenant.tenantId)
      if (tenantNow?.identifierCase === 'exact') {
        refusedCount++
        const both = await Promise.all([find(name), find(upper)])
        expect(new Set(both).size).toBe(2)
        await stores.personalData.cutOff(
          tenant.tenantId,
          both[0] as never,
          'operator',
          noExceptions,
        )
      } else {
        foldedCount++
        expect(await find(name)).toBeDefined()
        expect(await find(name)).toBe(await find(upper))
      }
    }
    // Both outcomes of the race occurred.
    expect(
      [foldedCount > 0, refusedCount > 0],
      `${foldedCount} folded, ${refusedCount} refused`,
    ).toEqual([true, true])
  })
})

test('a change leaves other tenants alone, and is refused for an unknown tenant', async () => {
  const other = await aUser(stores)
  await change('exact')
  expect(await stores.tenants.findTenant(other.tenantId)).toMatchObject({
    identifierCase: 'fold_ascii',
  })
  expect(await stores.tenants.findTenant(tenant.tenantId)).toMatchObject({
    identifierCase: 'exact',
  })
  const unknownTenant = systemRandom.id('tenant')
  expect(
    await stores.tenants.changeIdentifierCase(unknownTenant, 'exact', 20, 'operator'),
  ).toBeNull()
})

test('the migration gives existing identifiers the keys of the service', async () => {
  const folder = path.resolve('prisma/migrations')
  const name = readdirSync(folder).find((one) => one.endsWith('_identifier_keys')) ?? ''
  const sql = readFileSync(path.join(folder, name, 'migration.sql'), 'utf8')
  const [, expression = ''] = /USING (CASE[\s\S]+?END);/.exec(sql) ?? []
  const unit = fc.oneof(
    fc.constantFrom(...'AZazÄK\u212aİ.\n '),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
  )
  const part = fc.array(unit, { maxLength: 5 }).map((letters) => letters.join(''))
  const value = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('@'))
  const values = fc.sample(value, 3_000).filter((one) => !one.includes('\0') && one.isWellFormed())
  const rows = await stores.database.query<{ value: string; key: string }>(
    'keys_of_migration',
    `select "value", ${expression} as key from unnest($1::text[]) as x("value")`,
    [values],
  )
  for (const { value, key } of rows) expect(key).toBe(identifierKey(value))
  expect(rows.filter(({ value, key }) => value !== key).length).toBeGreaterThan(100)
})
