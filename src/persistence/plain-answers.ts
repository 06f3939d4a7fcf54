import type { AnswerKey, PlainAnswerStore } from '../ports/plain-answer-store.ts'
import type { Database } from './database.ts'

const findPlain = `
  select tenant_id as "tenantId", challenge_id as "challengeId", device_id as "deviceId", jti, jws
  from answers where jws is not null
  order by tenant_id, challenge_id limit $1`

const saveSealed = `
  update answers a set jws_sealed = x.sealed, jws = null
  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[])
    as x(tenant_id, challenge_id, device_id, jti, sealed)
  where a.tenant_id = x.tenant_id and a.challenge_id = x.challenge_id
    and a.device_id = x.device_id and a.jti = x.jti and a.jws is not null`

/** See the port. */
export function buildPlainAnswerStore(database: Database): PlainAnswerStore {
  return {
    findPlain: (limit) =>
      database.query<AnswerKey & { jws: string }>('find_plain_answers', findPlain, [limit]),

    async saveSealed(answers) {
      await database.query('seal_answers', saveSealed, [
        answers.map(({ tenantId }) => tenantId),
        answers.map(({ challengeId }) => challengeId),
        answers.map(({ deviceId }) => deviceId),
        answers.map(({ jti }) => jti),
        answers.map(({ sealedJws: sealed }) => sealed),
      ])
    },
  }
}
