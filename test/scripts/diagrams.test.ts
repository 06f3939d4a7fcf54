import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { diagramsPage } from '../../scripts/diagrams.ts'
import { processDiagram } from '../../scripts/process-diagram.ts'
import { stateDiagram, stateFaults } from '../../scripts/state-diagrams.ts'
import { type Machine, machines } from '../../scripts/state-machines.ts'
import { groupFaults, groups, tableDiagram, tablesOf } from '../../scripts/table-diagrams.ts'
import { decideAnswer } from '../../src/domain/answer.ts'
import { terminalStatuses } from '../../src/domain/challenge.ts'
import { roles, variables } from '../../src/service/config-variables.ts'

const project = path.resolve(import.meta.dirname, '../..')
const read = (file: string) => readFile(path.join(project, file), 'utf8')

test('docs/diagrams.md shows the current schema, domain and statements', async () => {
  const isFresh = (await diagramsPage()) === (await read('docs/diagrams.md'))
  expect(isFresh, 'run: npm run diagrams').toBe(true)
})

const [challenge] = machines as [Machine, ...Machine[]]
const arrowsTo = (status: string) => challenge.arrows.filter(({ to }) => to === status)

describe('the state machines', () => {
  test('agree with every statement that sets a status', async () => {
    expect(await stateFaults()).toEqual([])
  })

  test('have a fault when a statement sets a status that no arrow shows', async () => {
    const arrows = challenge.arrows.filter(({ by }) => !by.includes('cancel_challenge'))
    expect(await stateFaults([{ ...challenge, arrows }])).toEqual([
      'cancel_challenge sets the status of challenges, and no arrow names it',
    ])
  })

  test('have a fault when an arrow leads where its statement never does', async () => {
    const arrows = challenge.arrows.map((arrow) =>
      arrow.by.includes('cancel_challenge') ? { ...arrow, to: 'approved' as const } : arrow,
    )
    expect(await stateFaults([{ ...challenge, arrows }])).toEqual([
      'cancel_challenge never makes anything of challenges approved',
    ])
  })

  test('have a fault when an arrow names a statement that does not exist', async () => {
    const arrows = [...challenge.arrows, { ...challenge.arrows[0], by: ['no_such'] }]
    expect(await stateFaults([{ ...challenge, arrows } as Machine])).toEqual([
      'no statement is called no_such',
    ])
  })

  test('show no way out of a final status of a challenge', () => {
    const froms = challenge.arrows.map(({ from }) => from)
    expect(terminalStatuses.filter((status) => froms.includes(status))).toEqual([])
    for (const status of terminalStatuses) {
      expect(stateDiagram(challenge)).toContain(`  ${status} --> [*]`)
    }
  })

  test('show every reason for which an answer denies', () => {
    const challengeFacts = { numberMode: 'service', numberDigits: 6, wrongNumbersLeft: 1 } as const
    const wrong = { decision: 'approve', number: '000000' } as const
    expect(decideAnswer(challengeFacts, wrong, false)).toMatchObject({ reason: 'number_mismatch' })
    const labels = arrowsTo('denied').map(({ when }) => when)
    for (const reason of ['number_mismatch', 'user_denied', 'user_reported', 'no_device_left']) {
      expect(labels.filter((label) => label.includes(`(${reason})`))).toHaveLength(1)
    }
  })
})

const schema = `
/// A parent: of others.
/// More about it.
model Parent {
  tenantId String @map("tenant_id")
  id       String
  children Child[]
  only     Only?

  @@id([tenantId, id])
  @@map("parents")
}

model Child {
  tenantId String @map("tenant_id")
  id       String
  parentId String? @map("parent_id")
  status   String

  parent Parent? @relation(fields: [tenantId, parentId], references: [tenantId, id])

  @@id([tenantId, id])
  @@map("children")
}

model Only {
  tenantId String @map("tenant_id")
  parentId String @map("parent_id")

  parent Parent @relation(fields: [tenantId, parentId], references: [tenantId, id])

  @@id([tenantId, parentId])
  @@map("only_ones")
}
`

describe('the pictures of tables', () => {
  test('show keys without the tenant, references and states', () => {
    expect(tableDiagram(tablesOf(schema), ['parents', 'children', 'only_ones'])).toBe(
      [
        'erDiagram',
        '  parents |o--o{ children : parent_id',
        '  parents ||--o| only_ones : parent_id',
        '  parents {',
        '    text id PK',
        '  }',
        '  children {',
        '    text id PK',
        '    text parent_id FK',
        '    text status',
        '  }',
        '  only_ones {',
        '    text parent_id PK, FK',
        '  }',
      ].join('\n'),
    )
  })

  test('describe a table by the first sentence above its model', () => {
    expect(tablesOf(schema)[0]?.about).toBe('A parent: of others.')
  })

  test('have every table of the schema in exactly one of them', async () => {
    const tables = tablesOf(await read('prisma/schema.prisma'))
    expect(tables.length).toBeGreaterThan(30)
    expect(groupFaults(tables)).toEqual([])
    expect(groupFaults(tables.slice(1))).toEqual(['installation is no table'])
    expect(groupFaults([...tables, ...tablesOf(schema)])).toHaveLength(3)
    expect(Object.keys(groups).length).toBeGreaterThan(5)
  })
})

test('the picture of processes has every role and every variable that it names', () => {
  const diagram = processDiagram()
  expect(roles.filter((role) => !diagram.includes(`ROLE=${role}<br>`))).toEqual([])
  const variableNames = diagram.match(/\b[A-Z]+_[A-Z_]+\b/g) ?? []
  expect(variableNames).toContain('MASTER_KEY')
  expect(variableNames.filter((name) => !(name in variables))).toEqual([])
})
