import { type Actor, activity } from '../domain/activity.ts'
import type { TenantId, UserId } from '../domain/ids.ts'
import { type IdentifierCase, identifierKey, isSameIdentifier } from '../domain/user-name.ts'
import type { UserInclude } from '../generated/prisma/models.ts'
import type { Database } from '../platform/postgres/database.ts'
import { type FirstPage, type NextPage, readListPage } from '../platform/postgres/pages.ts'
import { recordActivities, recordAudit } from '../platform/postgres/record.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { Random } from '../platform/world.ts'
import { isWithin, namedUser } from './named-user.sql.ts'
import type { Identifier, User, UserStore } from './user.store.ts'

type UserRecord = {
  tenantId: string
  id: string
  displayName: string
  language: string | null
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

type ByTenant = { readonly tenantId: TenantId }
type IdentifierColumns = {
  readonly namespaces: readonly string[]
  readonly values: readonly string[]
  readonly keys: readonly string[]
  readonly folds: boolean
}
type UserIdRow = { readonly userId: UserId }

const insertIdentifiers = statement<ByTenant & UserIdRow & IdentifierColumns>(
  'insert_identifiers',
  `insert into user_identifiers (tenant_id, namespace, value, key, folds, user_id)
   select :tenantId, x.*, :folds, :userId
   from unnest(:namespaces::text[], :values::text[], :keys::text[]) as x(namespace, value, key)`,
)

const findOwners = statement<ByTenant & IdentifierColumns, UserIdRow>(
  'owners_of_identifiers',
  `select distinct i.user_id from user_identifiers i
   join unnest(:namespaces::text[], :values::text[], :keys::text[]) as x(namespace, value, key)
     on i.key = x.key and ${isWithin('x.namespace')} and (:folds or i.value = x.value)
   where i.tenant_id = :tenantId`,
)

const findNamed = statement<ByTenant & Identifier & { readonly key: string }, UserIdRow>(
  'find_named_user',
  `select u.user_id from tenants t, lateral (${namedUser(':namespace', ':value', ':key')}) u
   where t.tenant_id = :tenantId`,
)

// Locked until the commit: whether names fold does not change while names are added.
const lockRuleOfNames = statement<ByTenant, { readonly rule: IdentifierCase }>(
  'rule_of_names',
  'select identifier_case as rule from tenants where tenant_id = :tenantId for share',
)

const lockIdentifiers = statement<
  { readonly tenantId: TenantId; readonly names: readonly string[] },
  { readonly lock: unknown }
>(
  'lock_identifiers',
  `select pg_advisory_xact_lock(hashtextextended(:tenantId || ' ' || n, 0)) as lock
   from unnest(:names::text[]) as n order by n`,
)

const insertUser = statement<Pick<User, 'tenantId' | 'id' | 'displayName' | 'language'>>(
  'insert_user',
  `insert into users (tenant_id, id, display_name, language)
   values (:tenantId, :id, :displayName, :language)`,
)
const insertProtection = statement<ByTenant & UserIdRow>(
  'insert_protection',
  'insert into user_protections (tenant_id, user_id) values (:tenantId, :userId)',
)

const changeLanguage = statement<ByTenant & Pick<User, 'id' | 'language'>, { readonly id: UserId }>(
  'change_user_language',
  `update users set language = :language
   where tenant_id = :tenantId and id = :id and erased_at is null returning id`,
)

type NewUser = Parameters<UserStore['import']>[0]

// The newest of each namespace are merged: a relying party that sees few of a tenant's users does
// not read past all others.
const newestOfNamespaces = (condition: string) => `
  select distinct x.id from unnest(:namespaces::text[]) as n(namespace), lateral (
    select distinct i.user_id as id from user_identifiers i
    where i.tenant_id = :tenantId and i.namespace = n.namespace ${condition}
    order by i.user_id desc limit :limit) x
  order by x.id desc limit :limit`
type ByNamespaces = ByTenant & { readonly namespaces: readonly string[] }
const listUsers = {
  first: statement<ByNamespaces & FirstPage, { readonly id: UserId }>(
    'list_users',
    newestOfNamespaces(''),
  ),
  next: statement<ByNamespaces & NextPage, { readonly id: UserId }>(
    'list_users_before',
    newestOfNamespaces('and i.user_id < :before'),
  ),
}

const toUser = ({ protection, ...row }: UserRecord) => {
  const status = protection?.suspendedAt === null ? 'active' : 'suspended'
  return { ...row, status } as User
}

/** Users and their identifiers; Prisma reads, transactions write. */
export function buildUserStore(database: Database, random: Pick<Random, 'id'>): UserStore {
  const find = async (tenantId: TenantId, id: UserId) => {
    const row = await database.prisma(tenantId, (prisma) =>
      prisma.user.findUnique({ where: { tenantId_id: { tenantId, id } }, include: asRead }),
    )
    return row && toUser(row)
  }

  async function findByIdentifier(tenantId: TenantId, { namespace, value }: Identifier) {
    const params = { tenantId, namespace, value, key: identifierKey(value) }
    const [row] = await run(database, findNamed, params)
    return row ? find(tenantId, row.userId) : null
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
  function create(newUser: NewUser, actor: Actor) {
    const { tenantId, id, displayName, identifiers, language = null } = newUser
    return database.transaction(async (tx) => {
      const [tenant] = await run(tx, lockRuleOfNames, { tenantId })
      if (!tenant) throw new Error(`there is no tenant ${tenantId}`)
      const { rule } = tenant
      const names = withKeys(identifiers, rule)
      const columns = {
        namespaces: names.map(({ namespace }) => namespace),
        values: names.map(({ value }) => value),
        keys: names.map(({ key }) => key),
        folds: rule === 'fold_ascii',
      }
      // One importer at a time for each set of names: a unique violation would abort the
      // transaction.
      await run(tx, lockIdentifiers, {
        tenantId,
        names: names.map(({ namespace, key }) => `${namespace} ${key}`),
      })
      const owners = await run(tx, findOwners, { tenantId, ...columns })
      if (owners.length > 0) return { rule, isNew: false }
      await run(tx, insertUser, { tenantId, id, displayName, language })
      await run(tx, insertProtection, { tenantId, userId: id })
      await run(tx, insertIdentifiers, { tenantId, userId: id, ...columns })
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
      const userIds = await readListPage(database, listUsers, { tenantId, namespaces }, page)
      const rows = await database.prisma(tenantId, (prisma) =>
        prisma.user.findMany({
          where: { tenantId, id: { in: userIds.map(({ id }) => id) } },
          orderBy: { id: 'desc' },
          include: asRead,
        }),
      )
      return rows.map(toUser)
    },

    async import(user, actor) {
      const { rule, isNew } = await create(user, actor)
      const owner = isNew ? await find(user.tenantId, user.id) : await ownerOf(user, rule)
      return owner && { user: owner, isNew: isNew }
    },

    changeLanguage(tenantId, id, language, actor) {
      return database.transaction(async (tx) => {
        const changedRows = await run(tx, changeLanguage, { tenantId, id, language })
        if (changedRows.length === 0) return null
        const event = { type: 'user_changed', actor, subject: id, details: { language } } as const
        await recordAudit(tx, random, tenantId, event)
        return 'done'
      })
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
