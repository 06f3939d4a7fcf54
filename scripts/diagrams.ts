// Writes docs/diagrams.md from the schema, the domain and the statements; with --check it only
// reports whether they agree.

import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { processDiagram } from './process-diagram.ts'
import { arrowRows, stateDiagram, stateFaults } from './state-diagrams.ts'
import { machines } from './state-machines.ts'
import { groupFaults, groups, tableDiagram, tablesOf } from './table-diagrams.ts'

const root = path.resolve(import.meta.dirname, '..')
const file = path.join(root, 'docs', 'diagrams.md')

const opening = `# Diagrams

<!-- Written by \`npm run diagrams\` from prisma/schema.prisma, src/domain and the statements. -->

The processes, the state machines and the tables. Everything here is written from what it shows, and
\`npm run diagrams -- --check\` fails when they no longer agree. [Architecture](architecture.md) has
the folders, and one sign-in step by step.
`

const processes = `## Processes and stores

Any number of processes share one PostgreSQL. Nothing but PostgreSQL must be kept, beside the master
key and the revocation log; Redis carries signals only, and may be away.
`

const states = `## State machines

A status without an arrow out of it is final. What an answer, a typed number and the clock do is
asked of the functions in \`src/domain\`; each other arrow belongs to a statement, and a statement
that sets a status without an arrow here fails the check.
`

const tables = `## Tables

Every key begins with \`tenant_id\`, which the pictures omit; they show keys, references, \`status\`
and \`expires_at\`. What is stored about a person has [a page of its own](privacy.md).
`

const fence = (diagram: string) => `\`\`\`mermaid\n${diagram}\n\`\`\`\n`

/** The whole page. Throws when a picture would show something that is not so. */
export async function diagramsPage(): Promise<string> {
  const all = tablesOf(await readFile(path.join(root, 'prisma/schema.prisma'), 'utf8'))
  const faults = [...groupFaults(all), ...(await stateFaults())]
  if (faults.length > 0) throw new Error(faults.join('\n'))
  const pictures = Object.entries(groups).map(([title, names]: [string, readonly string[]]) => {
    const rows = all
      .filter(({ name }) => names.includes(name))
      .map(({ name, about }) => `| \`${name}\` | ${about} |`)
    const list = ['| table | one row |', '|---|---|', ...rows].join('\n')
    return `### ${title}\n\n${fence(tableDiagram(all, names))}\n${list}\n`
  })
  return [
    opening,
    processes,
    fence(processDiagram()),
    states,
    ...machines.map(
      (machine) =>
        `### ${machine.title}\n\n${fence(stateDiagram(machine))}\n${arrowRows(machine)}\n`,
    ),
    tables,
    ...pictures,
  ].join('\n')
}

async function main(options: readonly string[]): Promise<number> {
  const page = await diagramsPage()
  if (!options.includes('--check')) {
    await writeFile(file, page)
    return 0
  }
  const currentText = await readFile(file, 'utf8').catch(() => '')
  if (currentText === page) {
    console.log('docs/diagrams.md agrees with the schema, the domain and the statements.')
    return 0
  }
  const currentLines = new Set(currentText.split('\n'))
  for (const line of page.split('\n')) if (!currentLines.has(line)) console.error(`+ ${line}`)
  console.error('docs/diagrams.md is out of date. Write it with: npm run diagrams')
  return 1
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
