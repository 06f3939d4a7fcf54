// countersign integrations test, where nothing listens at the public origin.

import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { runCommand } from './support/command-line.ts'
import { createTestDatabase, type TestDatabase } from './support/database.ts'
import { freePort } from './support/ports.ts'

vi.setConfig({ testTimeout: 60_000 })

let database: TestDatabase
let environment: Record<string, string>
let id: string

beforeAll(async () => {
  database = await createTestDatabase()
  environment = {
    DATABASE_URL: database.url,
    MASTER_KEY: Buffer.alloc(32, 9).toString('base64url'),
    PUBLIC_ORIGIN: `http://127.0.0.1:${await freePort()}`,
  }
  await countersign('tenants', 'create', '--name', 'Acme')
  await countersign('relying-parties', 'create', '--name', 'Staff', '--namespace', 'mail')
  const way = ['--client-authentication', 'client_secret_basic']
  const uri = ['--redirect-uri', 'https://id.example.com/callback']
  const create = ['integrations', 'create', 'oidc-code', '--name', 'Okta', '--json']
  id = JSON.parse((await countersign(...create, ...uri, ...way)).stdout).id
})
afterAll(() => database.drop())

const countersign = (...args: string[]) => runCommand(args, environment)

test('each step is printed in words, and what fails with what to do next', async () => {
  const { code, stdout } = await countersign('integrations', 'test', id)
  expect(code).toBe(1)
  expect(stdout).toMatch(/^status +passed: The integration is active$/m)
  expect(stdout).toMatch(
    /^discovery +FAILED \(unreachable\); expected: .+ Next: Cannot be reached/m,
  )
  expect(stdout).toMatch(/^clock +skipped \(needs_other_step\); /m)
  expect(stdout).toMatch(/^answer +passed: The ID token is accepted/m)
  expect(stdout).toMatch(/^result +4 of 11 steps failed$/m)
})

test('as JSON it is what the API answers', async () => {
  const { code, stdout } = await countersign('integrations', 'test', id, '--json')
  expect(code).toBe(1)
  const { passed, steps } = JSON.parse(stdout)
  expect(passed).toBe(false)
  expect(steps).toContainEqual({
    ...{ step: 'keys', result: 'failed', reason: 'unreachable' },
    ...{ meaning: expect.any(String), advice: expect.any(String) },
  })
})

test('what names no integration is refused with where its id is found', async () => {
  expect((await countersign('integrations', 'test')).stderr).toContain('Name the integration')
  expect((await countersign('integrations', 'test', 'x')).stderr).toContain('GET /v1/integrations')
  const unknown = id.replace(/.$/, (end) => (end === '0' ? '1' : '0'))
  const { code, stderr } = await countersign('integrations', 'test', unknown)
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining(`There is no integration ${unknown}`),
  })
})
