// The programs of the example's README, as a user starts them.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../support/ports.ts'
import { enrollPhone, type RunningService, startTestService } from '../support/running-service.ts'
import { startProgram } from '../support/service-process.ts'
import { until } from '../support/until.ts'

const folder = 'examples/oidc-provider'
const stack = new AsyncDisposableStack()
let service: RunningService
let environment: Record<string, string>

beforeAll(async () => {
  service = stack.use(await startTestService())
  const { json } = await service.api('GET', '/v1/relying-parties')
  environment = {
    COUNTERSIGN_URL: service.origin,
    COUNTERSIGN_TENANT: service.tenantId,
    COUNTERSIGN_RELYING_PARTY: json.items[0].id,
    COUNTERSIGN_KEY: service.key,
    PORT: String(await freePort()),
  }
})
afterAll(() => stack.disposeAsync())

/** Starts the provider and waits for the command that it prints. */
async function startProvider(more: Record<string, string> = {}) {
  const program = startProgram([`${folder}/main.ts`], { ...environment, ...more })
  let over = false
  void program.exit.then(() => {
    over = true
  })
  const command = /ISSUER=(?<ISSUER>\S+) CLIENT_SECRET=(?<CLIENT_SECRET>\S+) npm run/
  const listening = await until(
    'the provider listens',
    () => {
      if (over) throw new Error(program.stderr())
      return command.exec(program.stdout())?.groups
    },
    60_000,
  )
  return {
    program,
    signIn: (user: string) => startProgram([`${folder}/sign-in.ts`, user], listening),
  }
}

test('two commands sign a user in; restarted, the provider keeps its one endpoint under a new secret', async () => {
  const phone = await enrollPhone(service, { user: 'alice@example.com' })
  for (const _ of ['first', 'again']) {
    const { program, signIn } = await startProvider()
    await using _provider = program
    await using client = signIn('alice@example.com')
    const digits = await until(
      'digits are shown',
      () => /type (\d{6}) on the phone/.exec(client.stdout())?.[1],
      60_000,
    )
    const [request] = (await phone.client.pending()).requests
    if (!request) throw new Error(client.stderr())
    await phone.client.approve(request, digits)
    expect(await client.exit).toEqual({ code: 0, signal: null })
    expect(client.stdout()).toContain('"sub": "alice@example.com"')
  }
  const { json } = await service.api('GET', '/v1/webhook-endpoints')
  expect(json.items).toHaveLength(1)
})

test('a given secret is used, and no endpoint is created', async () => {
  const before = (await service.api('GET', '/v1/webhook-endpoints')).json.items
  const COUNTERSIGN_WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
  const { program, signIn } = await startProvider({ COUNTERSIGN_WEBHOOK_SECRET })
  await using _provider = program
  await using client = signIn('mallory@example.com')
  expect(await client.exit).toMatchObject({ code: 1 })
  expect(client.stderr()).toContain('unknown_user_id')
  expect((await service.api('GET', '/v1/webhook-endpoints')).json.items).toEqual(before)
})

test('missing settings are named, and the start fails when the service refuses the key', async () => {
  const { COUNTERSIGN_TENANT: _, ...some } = environment
  for (const [wrong, words] of [
    [some, 'COUNTERSIGN_TENANT'],
    [{ ...environment, COUNTERSIGN_KEY: 'cs_no_key' }, 'API key'],
  ] as const) {
    await using program = startProgram([`${folder}/main.ts`], wrong)
    expect(await program.exit).toMatchObject({ code: 1 })
    expect(program.stderr()).toContain(words)
  }
})
