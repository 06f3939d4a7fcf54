// Writes docs/configuration.md from the descriptions in src/service/config.ts; with --check it only
// reports whether they agree.

import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { variables } from '../src/service/config-variables.ts'

const file = path.resolve(import.meta.dirname, '..', 'docs', 'configuration.md')

const opening = `# Configuration

<!-- Written by \`npm run configuration\` from src/service/config.ts. Change it there. -->

Countersign reads environment variables and nothing else. A variable that is set to nothing counts as unset. What is wrong is
refused at start, everything at once, each fault with the name of its variable; values are never printed. Without any variable
the service runs on \`http://localhost:8080\` with a database of its own in \`.countersign\`.
`

const sections = [
  { title: 'Service', prefix: /./, words: '' },
  {
    title: 'Apple push (APNs)',
    prefix: /^APNS_/,
    words:
      'All of key, key id, team id and bundle id, or none. `APNS_ADDRESS` and `APNS_CA_FILE` are for tests and proxies.',
  },
  {
    title: 'Google push (FCM)',
    prefix: /^FCM_/,
    words:
      'Service account and app id, or none. `FCM_ADDRESS` and `FCM_CA_FILE` are for tests and proxies.',
  },
  {
    title: 'Browser push (Web Push)',
    prefix: /^WEB_PUSH_/,
    words:
      'Browsers are pushed without any of these. `WEB_PUSH_ADDRESS` and `WEB_PUSH_CA_FILE` are for tests.',
  },
] as const

function defaultOf(name: keyof typeof variables): string {
  const parseResult = variables[name].safeParse(undefined)
  return parseResult.success && parseResult.data !== undefined
    ? `\`${String(parseResult.data)}\``
    : ''
}

function rowOf(name: keyof typeof variables): string {
  const description = variables[name].description
  if (!description) throw new Error(`${name} has no description in src/service/config.ts`)
  return `| \`${name}\` | ${defaultOf(name)} | ${description.replaceAll('|', '\\|')} |`
}

/** The whole page. Throws when a variable has no description. */
export function configurationPage(): string {
  const names = Object.keys(variables) as (keyof typeof variables)[]
  const sectionOf = (name: string) => sections.findLast(({ prefix }) => prefix.test(name))
  const parts = sections.map((section) => {
    const rows = names.filter((name) => sectionOf(name) === section).map(rowOf)
    const words = section.words && `${section.words}\n\n`
    return `## ${section.title}\n\n${words}| variable | default | meaning |\n|---|---|---|\n${rows.join('\n')}\n`
  })
  return [opening, ...parts].join('\n')
}

async function main(options: readonly string[]): Promise<number> {
  const page = configurationPage()
  if (!options.includes('--check')) {
    await writeFile(file, page)
    return 0
  }
  const currentText = await readFile(file, 'utf8').catch(() => '')
  if (currentText === page) {
    console.log('docs/configuration.md agrees with src/service/config-variables.ts.')
    return 0
  }
  const currentLines = new Set(currentText.split('\n'))
  for (const line of page.split('\n')) if (!currentLines.has(line)) console.error(`+ ${line}`)
  console.error('docs/configuration.md is out of date. Write it with: npm run configuration')
  return 1
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
