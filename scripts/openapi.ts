// Writes openapi.yaml from the routes, and the client's types from it; `--check` only compares
// openapi.yaml, and lints it by redocly.yaml. Needs no database: no use case is ever called.

import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { diff, parseArgs } from 'node:util'
import { lintFromString, loadConfig } from '@redocly/openapi-core'
import { toYaml } from '../src/platform/http/openapi-document.ts'
import { buildApp } from '../src/service/app.ts'
import type { UseCases } from '../src/service/bind-use-cases.ts'
import { buildQueues } from '../src/service/open-fair-queues.ts'
import { writeClientTypes } from './client-types.ts'

const root = path.resolve(import.meta.dirname, '..')
const file = path.join(root, 'openapi.yaml')

const refusing = new Proxy({} as UseCases, {
  get: (_target, name) => () => {
    throw new Error(`describing the API must not call ${String(name)}`)
  },
})

/** The current description of the API. */
export async function currentYaml(): Promise<string> {
  await using app = await buildApp({
    useCases: refusing,
    admission: buildQueues(1).admission,
    logger: false,
    publicOrigin: 'https://countersign.example',
    isUnavailable: () => false,
    ready: async () => false,
    clock: { now: () => new Date(0) },
    stopWaiting: () => undefined,
    metrics: { contentType: 'text/plain', read: async () => '', token: null },
  })
  return toYaml(await app.describeApi())
}

/** What the linter finds, but for what .redocly.lint-ignore.yaml lists, with reasons. */
export async function lintFindings(yaml: string): Promise<string[]> {
  const config = await loadConfig({ configPath: path.join(root, 'redocly.yaml') })
  const problems = await lintFromString({ source: yaml, absoluteRef: file, config })
  return problems
    .filter(({ ignored = false }) => !ignored)
    .map(({ ruleId, message, location: [at] }) => `${at?.pointer ?? '#/'}: ${message} (${ruleId})`)
}

function printDifference(currentText: string, current: string): void {
  let line = 0
  for (const [operation, text] of diff(currentText.split('\n'), current.split('\n'))) {
    if (operation !== 1) line += 1
    if (operation !== 0)
      console.error(`${String(line).padStart(5)} ${operation === 1 ? '+' : '-'} ${text}`)
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
  const current = await currentYaml()
  if (!values.check) {
    await writeFile(file, current)
    return writeClientTypes()
  }
  const findings = await lintFindings(current)
  for (const finding of findings) console.error(finding)
  if (findings.length > 0) process.exitCode = 1
  const currentText = await readFile(file, 'utf8').catch(() => '')
  if (currentText === current) return
  printDifference(currentText, current)
  console.error('\nopenapi.yaml does not match the routes. Run: npm run openapi')
  process.exitCode = 1
}

if (import.meta.main) await main()
