import type { PromptId, TenantId } from '../domain/ids.ts'
import { answerSeconds, promptGraceSeconds } from '../domain/prompt.ts'
import type { Database } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import type { NewPrompt, PromptStore } from './prompt.store.ts'
import { buildPromptPages } from './prompt-page.sql.ts'
import { type PromptRow, promptColumns, toPrompt } from './prompt-rows.sql.ts'

/** Not over: nobody has ended it, and its time has not passed. */
export const isLive = 'p.outcome is null and p.expires_at > clock_timestamp()'

const insertPrompt = statement<
  Omit<NewPrompt, 'request'> & { readonly request: string },
  { readonly id: PromptId }
>(
  'open_prompt',
  `insert into prompts (tenant_id, id, integration_id, browser_hash, request, request_hash,
     hint_hash, user_name, language, expires_at)
   values (:tenantId, :id, :integrationId, :browserHash, :request::jsonb, :requestHash, :hintHash,
     :userName, :language, clock_timestamp() + make_interval(secs => :seconds))
   on conflict (tenant_id, integration_id, hint_hash) do nothing
   returning id`,
)

const findByHint = statement<
  Pick<NewPrompt, 'tenantId' | 'integrationId' | 'hintHash'>,
  { readonly id: PromptId; readonly requestHash: Uint8Array }
>(
  'find_prompt_by_hint',
  `select id, request_hash from prompts
   where tenant_id = :tenantId and integration_id = :integrationId and hint_hash = :hintHash`,
)

const findPrompt = statement<{ readonly tenantId: TenantId; readonly id: PromptId }, PromptRow>(
  'find_prompt',
  `select ${promptColumns} from prompts p where p.tenant_id = :tenantId and p.id = :id`,
)

const beginRound = statement<Parameters<PromptStore['beginRound']>[0], { readonly id: PromptId }>(
  'begin_prompt_round',
  `update prompts p set round = :round, number_sealed = :numberSealed,
     round_at = clock_timestamp(), challenge_id = :challengeId,
     former_challenge_id = p.challenge_id,
     round_until = least(p.expires_at, clock_timestamp() + make_interval(secs => :seconds))
   where p.tenant_id = :tenantId and p.id = :id and p.round = :round::smallint - 1 and ${isLive}
   returning p.id`,
)

const endPrompt = statement<
  {
    readonly tenantId: TenantId
    readonly id: PromptId
    readonly outcome: string
    readonly evidence: string | null
  },
  { readonly id: PromptId }
>(
  'end_prompt',
  `update prompts p set outcome = :outcome, evidence = :evidence::jsonb,
     ended_at = clock_timestamp(), number_sealed = null, enrollment_sealed = null
   where p.tenant_id = :tenantId and p.id = :id and p.outcome is null
     and p.expires_at > clock_timestamp() - make_interval(secs => ${promptGraceSeconds})
   returning p.id`,
)

// The first caller's code stays: a browser that loads the answer again gets the same.
const answerPrompt = statement<
  {
    readonly tenantId: TenantId
    readonly id: PromptId
    readonly codeHash: Uint8Array | null
    readonly codeSealed: Uint8Array | null
  },
  PromptRow
>(
  'answer_prompt',
  `update prompts p set answered_at = coalesce(p.answered_at, clock_timestamp()),
     code_hash = case when p.answered_at is null then :codeHash else p.code_hash end,
     code_sealed = case when p.answered_at is null then :codeSealed else p.code_sealed end
   where p.tenant_id = :tenantId and p.id = :id and p.outcome is not null
     and (p.answered_at is null
       or p.answered_at > clock_timestamp() - make_interval(secs => ${answerSeconds}))
   returning ${promptColumns}`,
)

const redeemCode = statement<Parameters<PromptStore['redeem']>[0], PromptRow>(
  'redeem_prompt_code',
  `update prompts p set code_used_at = clock_timestamp()
   where p.tenant_id = :tenantId and p.integration_id = :integrationId and p.code_hash = :hash
     and p.code_used_at is null and p.outcome = 'approved'
     and p.answered_at > clock_timestamp() - make_interval(secs => ${answerSeconds})
   returning ${promptColumns}`,
)

const firstOf = (rows: readonly PromptRow[]) => (rows[0] ? toPrompt(rows[0]) : null)

/** Sign-ins on a page of ours. */
export function buildPromptStore(database: Database): PromptStore {
  return {
    ...buildPromptPages(database),

    async open({ request, ...prompt }) {
      const newRows = await run(database, insertPrompt, {
        ...prompt,
        request: JSON.stringify(request),
      })
      if (newRows.length > 0) return 'done'
      const [earlier] = await run(database, findByHint, prompt)
      // It can only have been deleted between both, days after the hint was of any use.
      if (!earlier) throw new Error('the prompt of a used hint is gone')
      return { earlier }
    },

    find: async (tenantId, id) => firstOf(await run(database, findPrompt, { tenantId, id })),

    async beginRound(round) {
      return (await run(database, beginRound, round)).length > 0
    },

    async end({ tenantId, id }, { outcome, evidence }) {
      const facts = { tenantId, id, outcome, evidence: evidence && JSON.stringify(evidence) }
      return (await run(database, endPrompt, facts)).length > 0
    },

    async answer({ tenantId, id }, code) {
      const { hash: codeHash, sealed: codeSealed } = code ?? { hash: null, sealed: null }
      return firstOf(await run(database, answerPrompt, { tenantId, id, codeHash, codeSealed }))
    },

    redeem: async (code) => firstOf(await run(database, redeemCode, code)),
  }
}
