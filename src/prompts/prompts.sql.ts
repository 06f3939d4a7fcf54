import type { PromptId, TenantId } from '../domain/ids.ts'
import { answerSeconds, promptGraceSeconds } from '../domain/prompt.ts'
import { type StoredRow, storedColumns, toStored } from '../doors/integration-rows.sql.ts'
import type { Database } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import { type BrandingRow, brandingColumns, toBranding } from '../tenants/branding/branding.sql.ts'
import type { NewPrompt, PromptStore, StoredPage, StoredPrompt } from './prompt.store.ts'

/** A prompt as its table holds it. */
type PromptRow = Omit<StoredPrompt, 'evidence'> & {
  readonly evidence: { readonly amr: readonly string[]; readonly verifiedAt: string } | null
}

/** Of `prompts p`, with the time of the database. */
const promptColumns = `p.tenant_id, p.id, p.integration_id, p.browser_hash, p.request, p.user_name,
     p.language, p.round, p.number_sealed, p.round_at, p.round_until,
     p.challenge_id, p.former_challenge_id, p.enrollment_id, p.enrollment_sealed, p.outcome,
     p.evidence, p.answered_at, p.code_sealed, p.created_at, p.expires_at,
     clock_timestamp() as now`

/** Columns of another table, with a word before their names. */
type Prefixed<Word extends string, Row> = {
  readonly [Column in keyof Row & string as `${Word}${Capitalize<Column>}`]: Row[Column]
}
type Nullable<Row> = { readonly [Column in keyof Row]: Row[Column] | null }

type PageRow = PromptRow &
  Prefixed<'client', StoredRow> &
  Prefixed<'look', Nullable<BrandingRow>> & { readonly tenantName: string }

/** `a.b, c.d as e`, each under its name after the word. */
const withWord = (word: string, columns: string) =>
  columns
    .split(',')
    .map((column) => column.trim().split(' as '))
    .map(([source = '', name = source.split('.')[1]]) => `${source} as ${word}_${name}`)
    .join(', ')

const findPage = statement<{ readonly tenantId: TenantId; readonly id: PromptId }, PageRow>(
  'find_prompt_page',
  `select ${promptColumns}, t.name as tenant_name, ${withWord('client', storedColumns)},
     ${withWord('look', brandingColumns)}
   from prompts p
     join integrations n on n.tenant_id = p.tenant_id and n.id = p.integration_id
     join relying_parties r on r.tenant_id = n.tenant_id and r.id = n.rp_id
     join tenants t on t.tenant_id = p.tenant_id
     left join brandings b on b.tenant_id = p.tenant_id
   where p.tenant_id = :tenantId and p.id = :id`,
)

/** The columns that have the word before their names, without it. */
function partOf(row: PageRow, word: string): object {
  const members = Object.entries(row).flatMap(([name, value]) =>
    name.startsWith(word)
      ? [[`${name[word.length]?.toLowerCase()}${name.slice(word.length + 1)}`, value]]
      : [],
  )
  return Object.fromEntries(members)
}

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
         and p.expires_at > clock_timestamp() - make_interval(secs => ${promptGraceSeconds})
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

/** A prompt from its row. */
function toPrompt({ evidence, ...row }: PromptRow): StoredPrompt {
  return {
    ...row,
    evidence: evidence && { amr: evidence.amr, verifiedAt: new Date(evidence.verifiedAt) },
  }
}

function toPage(row: PageRow): StoredPage {
  const client = toStored(partOf(row, 'client') as StoredRow, [])
  const { tenantName } = row
  const brand = row.lookTenantId === null ? null : toBranding(partOf(row, 'look') as BrandingRow)
  return { prompt: toPrompt(row), client, look: { tenantName, brand } }
}

const firstOf = (rows: readonly PromptRow[]) => (rows[0] ? toPrompt(rows[0]) : null)

/** Sign-ins on a page of ours. */
export function buildPromptStore(database: Database): PromptStore {
  return {
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

    async findPage(tenantId, id) {
      const [row] = await run(database, findPage, { tenantId, id })
      return row ? toPage(row) : null
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
