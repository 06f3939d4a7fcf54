// Draws the state machines, and finds where they and the statements of the service disagree.

import { globSync } from 'node:fs'
import path from 'node:path'
import { statements } from '../src/platform/postgres/statement.ts'
import { type Machine, machines } from './state-machines.ts'

/** What a statement can make of the status; `any` where a parameter says it. */
function targetsIn(text: string, table: string): readonly string[] | 'any' | undefined {
  const insertion = new RegExp(`insert into ${table}\\b[^;]*`).exec(text)?.[0]
  const update = new RegExp(`update ${table}(?: \\w+)?\\s+set ([\\s\\S]*?)\\n\\s*(?:from|where)\\b`)
  const assignment = /(?<![\w.])status = (case[^;]*?end|\S+)/.exec(
    update.exec(text)?.[1] ?? '',
  )?.[1]
  const setting = assignment ?? insertion
  if (setting === undefined) return undefined
  const isParameter = assignment !== undefined && !assignment.includes("'")
  return isParameter ? 'any' : [...setting.matchAll(/'(\w+)'/g)].map(([, word = '']) => word)
}

async function loadStatements(): Promise<void> {
  const root = path.resolve(import.meta.dirname, '..')
  for (const file of globSync('src/*/{,*/}*.sql.ts', { cwd: root })) {
    await import(path.join(root, file))
  }
}

/** Where the arrows and the statements of the service disagree. */
export async function stateFaults(of: readonly Machine[] = machines): Promise<string[]> {
  await loadStatements()
  return of.flatMap(({ table, arrows, statuses }) => [
    ...[...statements.values()].flatMap(({ name, text }) => {
      const targets = targetsIn(text, table)
      const own = arrows.filter(({ by }) => by.includes(name))
      if (targets === undefined)
        return own.length === 0 ? [] : [`${name} sets no status of ${table}`]
      if (own.length === 0) return [`${name} sets the status of ${table}, and no arrow names it`]
      const wrongArrows = own.filter(({ to, from }) => {
        // The first status of a device is a parameter of the statement that inserts it.
        const isGiven = from === null && /:status|\$\d+/.test(text)
        return targets !== 'any' && !isGiven && !targets.includes(to)
      })
      return wrongArrows.map(({ to }) => `${name} never makes anything of ${table} ${to}`)
    }),
    ...arrows.flatMap(({ by }) =>
      by.filter((name) => !statements.has(name)).map((name) => `no statement is called ${name}`),
    ),
    ...statuses
      .filter((status) => !arrows.some(({ to }) => to === status))
      .map((status) => `no arrow leads to ${status} of ${table}`),
  ])
}

/** The picture of one machine, in Mermaid; the numbers on its arrows are those of `arrowRows`. */
export function stateDiagram({ arrows, statuses }: Machine): string {
  const numberedPairs = arrows.map(({ from, to }, n) => ({ pair: `${from ?? '[*]'} --> ${to}`, n }))
  const pairs = Map.groupBy(numberedPairs, ({ pair }) => pair)
  const lines = [...pairs].map(
    ([pair, group]) => `  ${pair}: ${group.map(({ n }) => n + 1).join(', ')}`,
  )
  const ends = statuses.filter((status) => !arrows.some(({ from }) => from === status))
  const ways = ends.map((status) => `  ${status} --> [*]`)
  return ['stateDiagram-v2', '  direction LR', ...lines, ...ways].join('\n')
}

/** What the arrows of a picture are, as the rows of a table. */
export function arrowRows({ arrows }: Machine): string {
  const rows = arrows.map(({ from, to, when, by }, n) => {
    const names = by.map((name) => `\`${name}\``).join(', ') || 'none: it is shown so'
    return `| ${n + 1} | ${from ?? ''} | ${to} | ${when} | ${names} |`
  })
  return ['| | from | to | when | statement |', '|---|---|---|---|---|', ...rows].join('\n')
}
