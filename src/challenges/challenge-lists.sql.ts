import { type Challenge, type ChallengeStatus, challengeStatuses } from '../domain/challenge.ts'
import type { RelyingPartyId, TenantId, UserId } from '../domain/ids.ts'
import type { Database } from '../platform/postgres/database.ts'
import { type FirstPage, type NextPage, readListPage } from '../platform/postgres/pages.ts'
import { statement } from '../platform/postgres/statement.ts'
import { challengeColumns } from './challenge.rows.ts'
import type { ChallengeStore } from './challenge.store.ts'

type PartyParams = { readonly tenantId: TenantId; readonly rpId: RelyingPartyId }
type WithStatus = { readonly status: ChallengeStatus }
type WithUser = { readonly userId: UserId }

const beforeCondition = 'and c.id < :before'

const textByStatus = (before: string) => `
  select ${challengeColumns('c')} from challenges c
  where c.tenant_id = :tenantId and c.rp_id = :rpId and c.status = :status ${before}
  order by c.id desc limit :limit`
const byStatus = {
  first: statement<PartyParams & WithStatus & FirstPage, Challenge>(
    'list_challenges_by_status',
    textByStatus(''),
  ),
  next: statement<PartyParams & WithStatus & NextPage, Challenge>(
    'list_challenges_by_status_before',
    textByStatus(beforeCondition),
  ),
}

// The one index begins with the status: the newest of each are merged.
function textOfParty(before: string): string {
  const newest = challengeStatuses.map(
    (status) => `(select ${challengeColumns('c')} from challenges c
      where c.tenant_id = :tenantId and c.rp_id = :rpId and c.status = '${status}' ${before}
      order by c.id desc limit :limit)`,
  )
  return `select ${challengeColumns('c')} from (${newest.join(' union all ')}) c
    order by c.id desc limit :limit`
}
const ofParty = {
  first: statement<PartyParams & FirstPage, Challenge>('list_challenges', textOfParty('')),
  next: statement<PartyParams & NextPage, Challenge>(
    'list_challenges_before',
    textOfParty(beforeCondition),
  ),
}

// `is true` keeps the relying party and the status out of every index: a user has few challenges, a
// relying party has all of them.
const textOfUser = (before: string) => `
  select ${challengeColumns('c')} from challenges c
  where c.tenant_id = :tenantId and c.user_id = :userId and (c.rp_id = :rpId) is true ${before}
  order by c.id desc limit :limit`
const ofUser = {
  first: statement<PartyParams & WithUser & FirstPage, Challenge>(
    'list_challenges_of_user',
    textOfUser(''),
  ),
  next: statement<PartyParams & WithUser & NextPage, Challenge>(
    'list_challenges_of_user_before',
    textOfUser(beforeCondition),
  ),
}

const statusCondition = 'and (c.status = :status) is true'
const ofUserByStatus = {
  first: statement<PartyParams & WithUser & WithStatus & FirstPage, Challenge>(
    'list_challenges_of_user_by_status',
    textOfUser(statusCondition),
  ),
  next: statement<PartyParams & WithUser & WithStatus & NextPage, Challenge>(
    'list_challenges_of_user_by_status_before',
    textOfUser(`${statusCondition} ${beforeCondition}`),
  ),
}

/** The lists of challenges: each filter is served by its own index. */
export function buildChallengeLists(database: Pick<Database, 'query'>): ChallengeStore['list'] {
  return ({ tenantId, rpId, userId, status }, page) => {
    const party = { tenantId, rpId }
    if (userId === null) {
      return status === null
        ? readListPage(database, ofParty, party, page)
        : readListPage(database, byStatus, { ...party, status }, page)
    }
    return status === null
      ? readListPage(database, ofUser, { ...party, userId }, page)
      : readListPage(database, ofUserByStatus, { ...party, userId, status }, page)
  }
}
