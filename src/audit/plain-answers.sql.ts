import type { Database } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { AnswerKey, PlainAnswerStore } from './plain-answer.store.ts'

const findPlain = statement<{ readonly limit: number }, AnswerKey & { readonly jws: string }>(
  'find_plain_answers',
  `select tenant_id, challenge_id, device_id, jti, jws from answers where jws is not null
   order by tenant_id, challenge_id limit :limit`,
)

const saveSealed = statement<{
  readonly tenantIds: readonly AnswerKey['tenantId'][]
  readonly challengeIds: readonly AnswerKey['challengeId'][]
  readonly deviceIds: readonly AnswerKey['deviceId'][]
  readonly jtis: readonly AnswerKey['jti'][]
  readonly sealedAnswers: readonly Uint8Array[]
}>(
  'seal_answers',
  `update answers a set jws_sealed = x.sealed, jws = null
   from unnest(:tenantIds::text[], :challengeIds::text[], :deviceIds::text[], :jtis::text[],
       :sealedAnswers::bytea[])
     as x(tenant_id, challenge_id, device_id, jti, sealed)
   where a.tenant_id = x.tenant_id and a.challenge_id = x.challenge_id
     and a.device_id = x.device_id and a.jti = x.jti and a.jws is not null`,
)

/** See the port. */
export function buildPlainAnswerStore(database: Database): PlainAnswerStore {
  return {
    findPlain: (limit) => run(database, findPlain, { limit }),

    async saveSealed(answers) {
      await run(database, saveSealed, {
        tenantIds: answers.map(({ tenantId }) => tenantId),
        challengeIds: answers.map(({ challengeId }) => challengeId),
        deviceIds: answers.map(({ deviceId }) => deviceId),
        jtis: answers.map(({ jti }) => jti),
        sealedAnswers: answers.map(({ sealedJws }) => sealedJws),
      })
    },
  }
}
