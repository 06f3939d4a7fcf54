// Writes the table of events into docs/webhooks.md from the schemas; with --check it only reports
// whether they agree.

import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { webhookEventData, webhookEventTypes } from '../src/webhooks/webhook-event.schemas.ts'

const file = path.resolve(import.meta.dirname, '..', 'docs', 'webhooks.md')
const [head, foot] = [
  '| event | when | `data` beside `version` |',
  '\n\n`challenge.*` and `enrollment.*` go',
]

const challengeMembers = Object.keys(webhookEventData['challenge.created'][0].shape).filter(
  (name) => name !== 'version',
)
const quote = (name: string) => `\`${name}\``

/** The table of all events. */
export function eventTable(): string {
  const rows = webhookEventTypes.map((type) => {
    const [data, about] = webhookEventData[type]
    const members = Object.keys(data.shape).filter((name) => name !== 'version')
    const isAboutChallenge = challengeMembers.every((name) => members.includes(name))
    const own = members.filter((name) => !isAboutChallenge || !challengeMembers.includes(name))
    const words = [...(isAboutChallenge ? ['*challenge*'] : []), ...own.map(quote)]
    return `| \`${type}\` | ${about} | ${words.join(', ')} |`
  })
  const members = `*challenge*: ${challengeMembers.map(quote).join(', ')}.`
  return [head, '|---|---|---|', ...rows, '', members].join('\n')
}

/** The document with the current table. */
export function withTable(document: string): string {
  const [from, to] = [document.indexOf(head), document.indexOf(foot)]
  if (from < 0 || to < from) throw new Error('docs/webhooks.md has no table of events')
  return document.slice(0, from) + eventTable() + document.slice(to)
}

async function main(options: readonly string[]): Promise<number> {
  const currentText = await readFile(file, 'utf8')
  const current = withTable(currentText)
  if (currentText === current) return 0
  if (!options.includes('--check')) {
    await writeFile(file, current)
    return 0
  }
  console.error('docs/webhooks.md is out of date. Write it with: npm run webhooks')
  return 1
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
