import { type Actor, activity } from '../domain/activity.ts'
import type { TenantId, UserId } from '../domain/ids.ts'
import { type IdentifierCase, identifierKey, isSameIdentifier } from '../domain/user-name.ts'
import type { UserInclude } from '../generated/prisma/models.ts'
import type { Identifier, User, UserStore } from '../ports/directory-store.ts'
import type { Random } from '../ports/world.ts'
import { recordActivities } from './activities.ts'
import type { Database } from './database.ts'
import { isWithin, namedUser } from './named-user.ts'
import { type List, readPage } from './pages.ts'

type UserRecord = {
  tenantId: string
  id: string
  displayName: string
  createdAt: Date
  identifiers: readonly { namespace: string; value: string }[]
  protection: { suspendedAt: Date | null } | null
}

const asRead = {
  identifiers: {
    select: { namespace: true, value: true },
    orderBy: [{ namespace: 'asc' }, { value: 'asc' }],
  },
  protection: { select: { suspendedAt: true } },
} satisfies UserInclude

const insertIdentifiers = `
  insert into user_identifiers (tenant_id, namespace, value, key, folds, user_id)
  select $1, x.*, $6, $2
  from unnest($3::text[], $4::text[], $5::text[]) as x(namespace, value, key)`

const ownersOf = `
  select distinct i.user_id from user_identifiers i
  join unnest($2::text[], $3::text[], $4::text[]) as x(namespace, value, key)
    on i.key = x.key and ${isWithin('x.namespace')} and ($5 or i.value = x.value)
  where i.tenant_id = $1`

const findNamed = `
  select u.user_id from tenants t, lateral (${namedUser('$2', '$3', '$4')}) u
    where t.tenant_id = $1`

// Locked until the commit: whether names fold does not change while names are added.
const ruleOfNames = `
  select identifier_case as rule from tenants where tenant_id = $1 for share`

const lockIdentifiers = `
  select pg_advisory_xact_lock(hashtextextended(n, 0)) from unnest($1::text[]) as n order by n`
const insertUser = 'insert into users (tenant_id, id, display_name) values ($1, $2, $3)'
const insertProtection = 'insert into user_protections (tenant_id, user_id) values ($1, $2)'

type NewUser = Parameters<UserStore['import']>[0]

// The newest of each namespace are merged: a relying party that sees few of a tenant's users does
// not read past all others.
const newest: List = {
  name: 'list_users',
  text: ({ limit, before }) => `
    select distinct x.id from unnest($2::text[]) as n(namespace), lateral (
      select distinct i.user_id as id from user_identifiers i
      where i.tenant_id = $1 and i.namespace = n.namespace ${before('i.user_id')}
      order by i.user_id desc limit ${limit}) x
    order by x.id desc limit ${limit}`,
}

const toUser = ({ protection, ...row }: UserRecord) => {
  const status = protection?.suspendedAt === null ? 'active' : 'suspended'
  return { ...row, status } as User
}

/** Users and their identifiers; Prisma reads, transactions write. */
export function buildUserStore(database: Database, random: Pick<Random, 'id'>): UserStore {
  const { prisma } = database
  const find = async (tenantId: TenantId, id: UserId) => {
    const row = await prisma.user.findUnique({
      where: { tenantId_id: { tenantId, id } },
      include: asRead,
    })
    return row && toUser(row)
  }

  async function findByIdentifier(tenantId: TenantId, { namespace, value }: Identifier) {
    const [row] = await database.query<{ user_id: UserId }>('find_named_user', findNamed, [
      tenantId,
      namespace,
      value,
      identifierKey(value),
    ])
    return row ? find(tenantId, row.user_id) : null
  }

  /**
   * The user that has all these identifiers; null when they belong to several, or to one that lacks
   * some.
   */
  async function ownerOf(
    { tenantId, identifiers }: Pick<User, 'tenantId' | 'identifiers'>,
    rule: IdentifierCase,
  ) {
    const [first] = identifiers
    const user = first && (await findByIdentifier(tenantId, first))
    if (!user) return null
    const has = (identifier: Identifier) =>
      user.identifiers.some(
        ({ namespace, value }) =>
          namespace === identifier.namespace && isSameIdentifier(rule, value, identifier.value),
      )
    return identifiers.every(has) ? user : null
  }

  /** Creates the user unless one of the names is taken; returns the rule that applied. */
  function create({ tenantId, id, displayName, identifiers }: NewUser, actor: Actor) {
    return database.transaction(async (tx) => {
      const [tenant] = await tx.query<{ rule: IdentifierCase }>('rule_of_names', ruleOfNames, [
        tenantId,
      ])
      if (!tenant) throw new Error(`there is no tenant ${tenantId}`)
      const { rule } = tenant
      const names = withKeys(identifiers, rule)
      const columns = [
        names.map(({ namespace }) => namespace),
        names.map(({ value }) => value),
        names.map(({ key }) => key),
      ]
      // One importer at a time for each set of names: a unique violation would abort the
      // transaction.
      await tx.query('lock_identifiers', lockIdentifiers, [
        names.map(({ namespace, key }) => `${tenantId} ${namespace} ${key}`),
      ])
      const folds = rule === 'fold_ascii'
      const owners = await tx.query('owners_of_identifiers', ownersOf, [
        tenantId,
        ...columns,
        folds,
      ])
      if (owners.length > 0) return { rule, isNew: false }
      await tx.query('insert_user', insertUser, [tenantId, id, displayName])
      await tx.query('insert_protection', insertProtection, [tenantId, id])
      await tx.query('insert_identifiers', insertIdentifiers, [tenantId, id, ...columns, folds])
      await recordActivities(tx, random, tenantId, [
        activity({ userId: id, type: 'user_imported', actor }),
      ])
      return { rule, isNew: true }
    })
  }

  return {
    find,

    findByIdentifier,

    async list(tenantId, namespaces, page) {
      const userIds = await readPage<{ id: UserId }>(database, newest, [tenantId, namespaces], page)
      const rows = await prisma.user.findMany({
        where: { tenantId, id: { in: userIds.map(({ id }) => id) } },
        orderBy: { id: 'desc' },
        include: asRead,
      })
      return rows.map(toUser)
    },

    async import(user, actor) {
      const { rule, isNew } = await create(user, actor)
      const owner = isNew ? await find(user.tenantId, user.id) : await ownerOf(user, rule)
      return owner && { user: owner, isNew: isNew }
    },
  }
}

/** The identifiers with their keys, each user's name once. */
function withKeys(identifiers: readonly Identifier[], rule: IdentifierCase) {
  return identifiers
    .map((one) => ({ ...one, key: identifierKey(one.value) }))
    .filter(
      ({ namespace, value }, at, all) =>
        !all
          .slice(0, at)
          .some((one) => one.namespace === namespace && isSameIdentifier(rule, one.value, value)),
    )
}
