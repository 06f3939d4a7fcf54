import { activity } from '../domain/activity.ts'
import type { TenantId, UserId } from '../domain/ids.ts'
import type { UserInclude } from '../generated/prisma/models.ts'
import type { Identifier, User, UserStore } from '../ports/directory-store.ts'
import type { Random } from '../ports/world.ts'
import { recordActivities } from './activities.ts'
import type { Database } from './database.ts'
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
  insert into user_identifiers (tenant_id, namespace, value, user_id)
  select $1, x.namespace, x.value, $2 from unnest($3::text[], $4::text[]) as x(namespace, value)`

const ownersOf = `
  select distinct i.user_id from user_identifiers i
  join unnest($2::text[], $3::text[]) as x(namespace, value)
    on i.namespace = x.namespace and i.value = x.value
  where i.tenant_id = $1`

// The newest of each namespace are merged: who sees few of a tenant's users does not read past all
// others.
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
export function createUserStore(database: Database, random: Pick<Random, 'id'>): UserStore {
  const { prisma } = database
  const byIdentifier = (tenantId: TenantId, { namespace, value }: Identifier) =>
    prisma.userIdentifier.findUnique({
      where: { tenantId_namespace_value: { tenantId, namespace, value } },
      include: { user: { include: asRead } },
    })
  const find = async (tenantId: TenantId, id: UserId) => {
    const row = await prisma.user.findUnique({
      where: { tenantId_id: { tenantId, id } },
      include: asRead,
    })
    return row && toUser(row)
  }

  /** The user that has all these identifiers; null when they belong to several, or to one that lacks some. */
  async function ownerOf({ tenantId, identifiers }: Pick<User, 'tenantId' | 'identifiers'>) {
    const [first] = identifiers
    const row = first && (await byIdentifier(tenantId, first))
    if (!row) return null
    const user = toUser(row.user)
    const has = (wanted: Identifier) =>
      user.identifiers.some(
        ({ namespace, value }) => namespace === wanted.namespace && value === wanted.value,
      )
    return identifiers.every(has) ? user : null
  }

  return {
    find,

    async findByIdentifier(tenantId, identifier) {
      const row = await byIdentifier(tenantId, identifier)
      return row && toUser(row.user)
    },

    async list(tenantId, namespaces, page) {
      const found = await readPage<{ id: UserId }>(database, newest, [tenantId, namespaces], page)
      const rows = await prisma.user.findMany({
        where: { tenantId, id: { in: found.map(({ id }) => id) } },
        orderBy: { id: 'desc' },
        include: asRead,
      })
      return rows.map(toUser)
    },

    async import(user, actor) {
      const { tenantId, id, displayName, identifiers } = user
      const namespaces = identifiers.map(({ namespace }) => namespace)
      const values = identifiers.map(({ value }) => value)
      const created = await database.transaction(async (tx) => {
        // One importer at a time for each set of names: a unique violation would poison the transaction.
        await tx.query(
          'lock_identifiers',
          `select pg_advisory_xact_lock(hashtextextended(n, 0))
           from unnest($1::text[]) as n order by n`,
          [identifiers.map(({ namespace, value }) => `${tenantId} ${namespace} ${value}`)],
        )
        const owners = await tx.query('owners_of_identifiers', ownersOf, [
          tenantId,
          namespaces,
          values,
        ])
        if (owners.length > 0) return false
        await tx.query(
          'insert_user',
          'insert into users (tenant_id, id, display_name) values ($1, $2, $3)',
          [tenantId, id, displayName],
        )
        await tx.query(
          'insert_protection',
          'insert into user_protections (tenant_id, user_id) values ($1, $2)',
          [tenantId, id],
        )
        await tx.query('insert_identifiers', insertIdentifiers, [tenantId, id, namespaces, values])
        await recordActivities(tx, random, tenantId, [
          activity({ userId: id, type: 'user_imported', actor }),
        ])
        return true
      })
      const owner = created ? await find(tenantId, id) : await ownerOf(user)
      return owner && { user: owner, created }
    },
  }
}
