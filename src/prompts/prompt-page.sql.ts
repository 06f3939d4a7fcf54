import type { PromptId, TenantId } from '../domain/ids.ts'
import { type StoredRow, storedColumns, toStored } from '../doors/integration-rows.sql.ts'
import type { Database } from '../platform/postgres/database.ts'
import { run, statement } from '../platform/postgres/statement.ts'
import { type BrandingRow, brandingColumns, toBranding } from '../tenants/branding/branding.sql.ts'
import type { PromptStore } from './prompt.store.ts'
import { type PromptRow, promptColumns, toPrompt } from './prompt-rows.sql.ts'

/** Columns of another table, with a word before their names. */
type Prefixed<Word extends string, Row> = {
  readonly [Column in keyof Row & string as `${Word}${Capitalize<Column>}`]: Row[Column]
}
type Nullable<Row> = { readonly [Column in keyof Row]: Row[Column] | null }

type PageRow = PromptRow &
  Prefixed<'client', StoredRow> &
  Prefixed<'look', Nullable<BrandingRow>> & { readonly tenantName: string }

/** `a.b, c.d as e`, each under its name after the word. */
const prefixed = (word: string, columns: string) =>
  columns
    .split(',')
    .map((column) => column.trim().split(' as '))
    .map(([source = '', name = source.split('.')[1]]) => `${source} as ${word}_${name}`)
    .join(', ')

const findPage = statement<{ readonly tenantId: TenantId; readonly id: PromptId }, PageRow>(
  'find_prompt_page',
  `select ${promptColumns}, t.name as tenant_name, ${prefixed('client', storedColumns)},
     ${prefixed('look', brandingColumns)}
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

/** What a page of a prompt needs, in one statement: it is loaded again and again. */
export function buildPromptPages(database: Database): Pick<PromptStore, 'findPage'> {
  return {
    async findPage(tenantId, id) {
      const [row] = await run(database, findPage, { tenantId, id })
      if (!row) return null
      const client = toStored(partOf(row, 'client') as StoredRow, [])
      const { tenantName } = row
      const brand =
        row.lookTenantId === null ? null : toBranding(partOf(row, 'look') as BrandingRow)
      return { prompt: toPrompt(row), client, look: { tenantName, brand } }
    },
  }
}
