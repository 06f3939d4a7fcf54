// The tables of prisma/schema.prisma as pictures, one for each group of nouns.

/** A table of the schema: what it is, its key, and the rows that it points at. */
export type Table = {
  readonly name: string
  readonly about: string
  readonly columns: ReadonlyMap<string, string>
  /** Without `tenant_id`, with which every key begins. */
  readonly key: readonly string[]
  readonly references: readonly Reference[]
}

type Reference = {
  readonly table: string
  readonly column: string
  readonly isOptional: boolean
}

const sqlTypes: Readonly<Record<string, string>> = {
  String: 'text',
  Int: 'int',
  BigInt: 'bigint',
  Boolean: 'boolean',
  DateTime: 'timestamptz',
  Json: 'jsonb',
  Bytes: 'bytea',
}

type Model = { readonly name: string; readonly comment: string; readonly body: string }

function modelsOf(schema: string): Model[] {
  const matches = schema.matchAll(/((?:^\/\/\/[^\n]*\n)*)^model (\w+) \{$(.*?)^\}$/gms)
  return [...matches].map(([, comment = '', name = '', body = '']) => ({ comment, name, body }))
}

const tableName = ({ name, body }: Model) => /@@map\("(\w+)"\)/.exec(body)?.[1] ?? name
const wordsIn = (list: string) => list.split(',').map((word) => word.trim())

/** The first sentence of the comment above a model. */
function aboutOf(comment: string): string {
  const lines = comment.split('\n').map((line) => line.replace(/^\/\/\/ ?/, ''))
  const text = lines.filter((line) => !line.startsWith('check:')).join(' ')
  return (/^.*?\.(?= |$)/.exec(text.trim())?.[0] ?? text.trim()).replaceAll('|', '\\|')
}

/** Every table of the schema, in its order. */
export function tablesOf(schema: string): Table[] {
  const models = modelsOf(schema)
  const tableByModel = new Map(models.map((model) => [model.name, tableName(model)]))
  return models.map((model) => {
    const fields = [...model.body.matchAll(/^ {2}(\w+)\s+(\w+)(\?|\[\])?(.*)$/gm)].map(
      ([, name = '', type = '', mark = '', rest = '']) => ({ name, type, mark, rest }),
    )
    const columns = new Map(
      fields
        .filter(({ type }) => !tableByModel.has(type))
        .map(({ name, type, rest }) => [
          name,
          { column: /@map\("(\w+)"\)/.exec(rest)?.[1] ?? name, type: sqlTypes[type] ?? type },
        ]),
    )
    const columnOf = (field: string) => columns.get(field)?.column ?? field
    const keyFields = /@@id\(\[([^\]]+)\]\)/.exec(model.body)?.[1]
    const single = fields.find(({ rest }) => /@id\b/.test(rest))?.name
    const key = (keyFields ? wordsIn(keyFields) : single ? [single] : []).map(columnOf)
    const references = fields.flatMap(({ type, mark, rest }): Reference[] => {
      const own = /@relation\([^)]*fields: \[([^\]]+)\]/.exec(rest)?.[1]
      const table = tableByModel.get(type)
      if (!own || !table) return []
      const column = columnOf(wordsIn(own).at(-1) ?? '')
      return [{ table, column, isOptional: mark === '?' }]
    })
    return {
      name: tableName(model),
      about: aboutOf(model.comment),
      columns: new Map([...columns.values()].map(({ column, type }) => [column, type])),
      key: key.filter((column) => column !== 'tenant_id' || key.length === 1),
      references,
    }
  })
}

/** The pictures, and which tables are in each. */
export const groups = {
  'Tenants, relying parties and keys': [
    'installation',
    'vapid_keys',
    'tenants',
    'signing_keys',
    'relying_parties',
    'api_keys',
  ],
  'Users and their protection': [
    'users',
    'user_identifiers',
    'user_protections',
    'initiators',
    'reports',
  ],
  'Devices and enrollment': [
    'enrollments',
    'devices',
    'device_keys',
    'replaced_device_keys',
    'device_proofs',
    'diagnostics',
  ],
  'Challenges and their answers': ['challenges', 'challenge_targets', 'answers'],
  'Pushes and activities': ['apps', 'deliveries', 'activities', 'activity_push_budgets'],
  'Codes and the portal': [
    'passcode_secrets',
    'passcode_budgets',
    'single_use_codes',
    'portal_sessions',
  ],
  'Doors for existing clients': [
    'integrations',
    'integration_credentials',
    'shown_numbers',
    'followed_challenges',
    'keycloak_callbacks',
  ],
  'Pages of ours': ['prompts', 'pushed_requests', 'used_assertions', 'oidc_keys', 'brandings'],
  Webhooks: ['webhook_endpoints', 'webhook_facts', 'webhook_deliveries', 'webhook_attempts'],
  'The audit record': ['audit_events', 'audit_chains', 'audit_links', 'audit_heads'],
} as const satisfies Readonly<Record<string, readonly string[]>>

/** Tables that are in no picture or in two, and names in pictures that are no table. */
export function groupFaults(tables: readonly Table[]): string[] {
  const names: readonly string[] = Object.values(groups).flat()
  const tableNames = tables.map(({ name }) => name)
  return [
    ...tableNames
      .filter((name) => names.filter((one) => one === name).length !== 1)
      .map((name) => `${name} must be in one of the groups of scripts/table-diagrams.ts`),
    ...names.filter((name) => !tableNames.includes(name)).map((name) => `${name} is no table`),
  ]
}

function entity(table: Table): string[] {
  const foreign = new Set(table.references.map(({ column }) => column))
  const state = ['status', 'expires_at'].filter((column) => table.columns.has(column))
  const columns = [...new Set([...table.key, ...foreign, ...state])].filter(
    (column) => column !== 'tenant_id' || table.key.includes(column),
  )
  const marks = (column: string) =>
    [table.key.includes(column) ? 'PK' : '', foreign.has(column) ? 'FK' : ''].filter(Boolean)
  const lines = columns.map((column) =>
    `    ${table.columns.get(column)} ${column} ${marks(column).join(', ')}`.trimEnd(),
  )
  return [`  ${table.name} {`, ...lines, '  }']
}

function relations(table: Table): string[] {
  return table.references
    .filter((reference) => reference.table !== 'tenants' || table.key[0] === 'tenant_id')
    .map(({ table: target, column, isOptional }) => {
      const isAlone = table.key.length === 1 && table.key[0] === column
      const ends = `${isOptional ? '|o' : '||'}--${isAlone ? 'o|' : 'o{'}`
      return `  ${target} ${ends} ${table.name} : ${column}`
    })
}

/** One picture, in Mermaid: the keys of its tables, and what they point at. */
export function tableDiagram(tables: readonly Table[], names: readonly string[]): string {
  const members = tables.filter(({ name }) => names.includes(name))
  return ['erDiagram', ...members.flatMap(relations), ...members.flatMap(entity)].join('\n')
}
