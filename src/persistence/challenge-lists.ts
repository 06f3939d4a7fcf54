import type { ChallengeStatus } from '../domain/challenge.ts'
import type { ChallengeStore } from '../ports/challenge-store.ts'
import type { Database } from './database.ts'
import { type List, readPage } from './pages.ts'
import { type ChallengeRow, toChallenge } from './rows.ts'

const statuses: readonly ChallengeStatus[] = [
  'pending',
  'approved',
  'denied',
  'expired',
  'cancelled',
]

const byStatus: List = {
  name: 'list_challenges_by_status',
  text: ({ limit, before }) => `
    select c.* from challenges c
    where c.tenant_id = $1 and c.rp_id = $2 and c.status = $3 ${before('c.id')}
    order by c.id desc limit ${limit}`,
}

// The one index begins with the status: the newest of each are merged.
const ofParty: List = {
  name: 'list_challenges',
  text: ({ limit, before }) => {
    const newest = statuses.map(
      (status) => `(select c.* from challenges c
        where c.tenant_id = $1 and c.rp_id = $2 and c.status = '${status}' ${before('c.id')}
        order by c.id desc limit ${limit})`,
    )
    return `select c.* from (${newest.join(' union all ')}) c order by c.id desc limit ${limit}`
  },
}

// `is true` keeps the relying party and the status out of every index: a user has few challenges, a
// relying party has all of them.
const ofUser: List = {
  name: 'list_challenges_of_user',
  text: ({ limit, before }) => `
    select c.* from challenges c
    where c.tenant_id = $1 and c.user_id = $3 and (c.rp_id = $2) is true ${before('c.id')}
    order by c.id desc limit ${limit}`,
}
const ofUserByStatus: List = {
  name: 'list_challenges_of_user_by_status',
  text: ({ limit, before }) => `
    select c.* from challenges c
    where c.tenant_id = $1 and c.user_id = $3 and (c.rp_id = $2) is true
      and (c.status = $4) is true ${before('c.id')}
    order by c.id desc limit ${limit}`,
}

/** The lists of challenges: each filter is served by its own index. */
export function buildChallengeLists(database: Pick<Database, 'query'>): ChallengeStore['list'] {
  return async ({ tenantId, rpId, userId, status }, page) => {
    const filters = [userId, status].filter((filter) => filter !== null)
    const list =
      userId === null
        ? status === null
          ? ofParty
          : byStatus
        : status === null
          ? ofUser
          : ofUserByStatus
    const rows = await readPage<ChallengeRow>(database, list, [tenantId, rpId, ...filters], page)
    return rows.map(toChallenge)
  }
}
