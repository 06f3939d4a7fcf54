// Files that GitHub reads. What only GitHub can do with them was not run here.

import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'

const project = path.resolve(import.meta.dirname, '..')
const read = (file: string) => readFileSync(path.join(project, file), 'utf8')
const filesIn = (pattern: string) => globSync(pattern, { cwd: project })

const step = z.union([
  z.strictObject({
    uses: z.string().regex(/^[\w-]+\/[\w-]+@v\d+$/),
    with: z.record(z.string(), z.string()).optional(),
  }),
  z.strictObject({
    name: z.string().optional(),
    if: z.string().optional(),
    run: z.string(),
  }),
])
const workflow = z.strictObject({
  name: z.string(),
  on: z.record(z.string(), z.unknown()),
  permissions: z.strictObject({ contents: z.literal('read') }),
  concurrency: z.unknown().optional(),
  jobs: z.record(
    z.string(),
    z.strictObject({
      'runs-on': z.string(),
      'timeout-minutes': z.number(),
      env: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
      steps: z.array(step),
    }),
  ),
})

const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(read('package.json')))

describe.each(filesIn('.github/workflows/*.yml'))('%s', (file) => {
  const { jobs, permissions } = workflow.parse(parse(read(file)))
  const commands = Object.values(jobs).flatMap(({ steps }) =>
    steps.flatMap((one) => ('run' in one ? [one.run] : [])),
  )

  test('may read the repository and nothing else, and ends by itself', () => {
    expect(permissions).toEqual({ contents: 'read' })
    expect(Object.values(jobs).every((job) => job['timeout-minutes'] <= 180)).toBe(true)
  })

  test('calls only scripts that exist', () => {
    const names = commands.flatMap((text) =>
      [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name),
    )
    expect(names.filter((name) => !(name in scripts))).toEqual([])
    const files = commands.filter((text) => text.startsWith('.ci/'))
    expect(files.filter((name) => !existsSync(path.join(project, name)))).toEqual([])
  })

  test('takes no text of a caller into a command', () => {
    expect(commands.filter((text) => text.includes('${{'))).toEqual([])
  })
})

test('the workflow of every change runs what must hold', () => {
  expect(read('.github/workflows/ci.yml')).toContain('- run: .ci/run')
})

const field = z.strictObject({
  type: z.enum(['markdown', 'textarea', 'input', 'dropdown', 'checkboxes']),
  id: z.string().optional(),
  attributes: z.record(z.string(), z.unknown()),
  validations: z.strictObject({ required: z.boolean() }).optional(),
})
const form = z.strictObject({
  name: z.string(),
  description: z.string(),
  labels: z.array(z.string()),
  body: z.array(field),
})

test('each issue form asks for something, and the one for faults sends attackers away', () => {
  const forms = filesIn('.github/ISSUE_TEMPLATE/{bug,idea}.yml')
  expect(forms.length).toBe(2)
  for (const file of forms) {
    const { body } = form.parse(parse(read(file)))
    const ids = body.flatMap(({ id }) => id ?? [])
    expect(new Set(ids).size).toBe(ids.length)
    expect(body.some(({ validations }) => validations?.required)).toBe(true)
  }
  expect(read('.github/ISSUE_TEMPLATE/bug.yml')).toContain('SECURITY.md')
  const config = z.strictObject({
    blank_issues_enabled: z.literal(false),
    contact_links: z.array(z.strictObject({ name: z.string(), url: z.url(), about: z.string() })),
  })
  expect(() => config.parse(parse(read('.github/ISSUE_TEMPLATE/config.yml')))).not.toThrow()
})

test('dependency updates look where there is something to update', () => {
  const manifests = {
    npm: 'package.json',
    'github-actions': '.github/workflows/ci.yml',
    docker: 'Dockerfile',
  }
  const update = z.looseObject({
    'package-ecosystem': z.enum(['npm', 'github-actions', 'docker']),
    directory: z.string(),
    schedule: z.strictObject({ interval: z.enum(['daily', 'weekly', 'monthly']) }),
  })
  const { updates } = z
    .strictObject({ version: z.literal(2), updates: z.array(update) })
    .parse(parse(read('.github/dependabot.yml')))
  expect(updates.length).toBeGreaterThan(3)
  const missing = updates.filter(
    ({ directory, ...one }) =>
      !existsSync(path.join(project, directory, manifests[one['package-ecosystem']])),
  )
  expect(missing).toEqual([])
})
