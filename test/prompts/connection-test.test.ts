// "Test connection": what an admin is shown, and that nothing of it counts.

import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createEntraDouble } from '../../src/prompts/connection-test/entra-double.adapter.ts'
import { createClientKey } from '../support/oidc-client.ts'
import { callback, openPrompts, type PromptScene } from './prompt-scene.ts'

vi.setConfig({ testTimeout: 60_000 })

type Step = { step: string; result: string; reason: string | null; advice: string | null }

let scene: PromptScene
beforeAll(async () => {
  scene = await openPrompts()
})
afterAll(() => scene[Symbol.asyncDispose]())

async function runTest(id: string) {
  const answer = await scene.service.api('POST', `/v1/integrations/${id}/test`)
  expect(answer.status, answer.text).toBe(200)
  const steps = answer.json.steps as Step[]
  const results = Object.fromEntries(
    steps.map(({ step, result, reason }) => [step, reason ?? result]),
  )
  return { ...answer, steps, results }
}

const ofClient = async (settings: object, more: object = {}) => {
  const { api } = scene.service
  const parties = await api('GET', '/v1/relying-parties')
  const creation = await api('POST', '/v1/integrations', {
    ...{ relyingPartyId: parties.json.items[0].id, name: 'Okta', ...more },
    settings: { kind: 'oidc_code', redirectUris: [callback], ...settings },
  })
  expect(creation.status, creation.text).toBe(201)
  return creation.json.id as string
}

/** Rows of every table, and what is counted in those of integrations. */
async function everything() {
  const { query } = scene
  const tables = await query<{ name: string }>(
    `select table_name as name from information_schema.tables
     where table_schema = current_schema() and table_type = 'BASE TABLE' order by 1`,
  )
  const counts: Record<string, unknown> = {}
  for (const { name } of tables) {
    // Written by processes about themselves, at any time.
    if (/lease|presence|installation|statistic|audit/.test(name)) continue
    counts[name] = (await query<{ n: number }>(`select count(*)::int as n from "${name}"`))[0]?.n
  }
  const audits = await query<{ type: string; n: number }>(
    'select type, count(*)::int as n from audit_events group by 1',
  )
  const { integration_tested = 0, ...ofOthers } = Object.fromEntries(
    audits.map(({ type, n }) => [type, n]),
  )
  // The sweep begins a chain when it comes to it.
  delete ofOthers.audit_checkpointed
  const usage = await query('select id, uses, last_used_at, last_error_code from integrations')
  return { counts, ofOthers, tested: integration_tested, usage: JSON.stringify(usage) }
}

const entraWhole = {
  status: 'passed',
  // The service under test has no certificate.
  https: 'not_https',
  discovery: 'passed',
  keys: 'passed',
  authorize_endpoint: 'passed',
  clock: 'passed',
  entra_cloud: 'passed',
  foreign_key: 'passed',
  request: 'passed',
  forged_request: 'passed',
  redirect_uri: 'passed',
  answer: 'passed',
}
const { entra_cloud: _, ...codeWhole } = entraWhole

test('a sign-in of Entra is walked from its discovery to its ID token, and every step is listed', async () => {
  const { json, steps, results } = await runTest(await scene.ofEntra())
  expect(results).toEqual(entraWhole)
  expect(json.passed).toBe(false)
  const [status, https] = steps
  expect(status).toMatchObject({ result: 'passed', advice: null })
  expect(https).toMatchObject({ advice: expect.stringContaining('Set PUBLIC_ORIGIN to an https') })
})

test.for([
  ['client_secret_basic', {}],
  ['client_secret_post', { bareLoginHintAllowed: true }],
  ['private_key_jwt', { idTokenAlgorithm: 'ES256' }],
] as const)(
  'a client of the code flow with %s is walked from PAR to its ID token',
  async ([clientAuthentication, more]) => {
    const jwks = [(await createClientKey()).publicJwk]
    const { results } = await runTest(await ofClient({ clientAuthentication, jwks, ...more }))
    expect(results).toEqual(codeWhole)
  },
)

test('it leaves one line in the audit record, and counts as no use and no error', async () => {
  const [entra, code] = [
    await scene.ofEntra(),
    await ofClient({ clientAuthentication: 'client_secret_basic' }),
  ]
  // Uses are written late, and at the end of a process.
  await scene.service.restart()
  const before = await everything()
  await runTest(entra)
  await runTest(code)
  await scene.service.restart()
  const after = await everything()
  expect(after).toEqual({ ...before, tested: before.tested + 2 })
  const [event] = await scene.query(
    `select subject, details from audit_events where type = 'integration_tested' and subject = $1`,
    [entra],
  )
  expect(event).toEqual({ subject: entra, details: { passed: false, failed: ['https'] } })
})

test('no token leaves it, and none that it signed would count', async () => {
  const { text } = await runTest(await scene.ofEntra())
  expect(text).not.toContain('eyJ')
  expect(text).not.toMatch(/[\w-]{60,}/)
})

test('what a double signs is refused by the running service, while a test runs and afterwards', async () => {
  const { entra, service } = scene
  const id = await scene.ofEntra()
  const { entraTenantId, applicationId } = entra
  const binding = { cloud: 'global', entraTenantId, applicationId } as const
  const double = await createEntraDouble(binding)
  const form = await double.form({ clientId: id, isForged: false, now: new Date() })
  const send = async () => {
    const answer = await scene.aBrowser().post(`/t/${service.tenantId}/oidc/authorize`, form)
    return answer.text
  }
  const [during] = await Promise.all([send(), runTest(id)])
  for (const text of [during, await send()]) expect(text).toContain('value="invalid_request"')
  // The double itself takes it: the hint is a good one but for its key.
  expect(await double.hints.verify(form.id_token_hint ?? '', binding)).toMatchObject({
    aud: applicationId,
  })
})

test('two doubles do not take what the other signed', async () => {
  const { entraTenantId, applicationId } = scene.entra
  const binding = { cloud: 'global', entraTenantId, applicationId } as const
  const [one, other] = [await createEntraDouble(binding), await createEntraDouble(binding)]
  const form = await one.form({ clientId: 'x', isForged: false, now: new Date() })
  expect(await other.hints.verify(form.id_token_hint ?? '', binding)).toBe('refused')
  const forgedForm = await one.form({ clientId: 'x', isForged: true, now: new Date() })
  expect(await one.hints.verify(forgedForm.id_token_hint ?? '', binding)).toBe('refused')
})

test('a paused integration is said to be so, and walked all the same', async () => {
  const id = await scene.ofEntra()
  await scene.service.api('PATCH', `/v1/integrations/${id}`, { status: 'paused' })
  const { results, steps } = await runTest(id)
  expect(results).toEqual({ ...entraWhole, status: 'paused' })
  expect(steps[0]?.advice).toContain('Set its status to active')
})

test('a cloud that cannot be reached fails its step alone, with what Entra would be told', async () => {
  scene.entra.setWeather('failing')
  await using cut = await openPrompts()
  cut.entra.setWeather('failing')
  const id = await cut.ofEntra()
  const { json } = await cut.service.api('POST', `/v1/integrations/${id}/test`)
  scene.entra.setWeather('fair')
  const steps = json.steps as Step[]
  const failing = steps.filter(({ result }) => result === 'failed').map(({ step }) => step)
  expect(failing).toEqual(['https', 'entra_cloud'])
  expect(steps.find(({ step }) => step === 'entra_cloud')?.advice).toContain(
    'reach login.microsoftonline.com (https). Until then sign-ins of Entra are answered with ' +
      'temporarily_unavailable',
  )
  expect(steps.find(({ step }) => step === 'foreign_key')).toMatchObject({ result: 'skipped' })
})

test('one test of a tenant runs at a time, and ten in a minute', async () => {
  await using own = await openPrompts()
  const id = await own.ofEntra()
  const call = () => own.service.api('POST', `/v1/integrations/${id}/test`)
  const together = await Promise.all([call(), call(), call()])
  expect(together.map(({ status }) => status).toSorted()).toEqual([200, 429, 429])
  for (let n = 0; n < 9; n++) expect((await call()).status).toBe(200)
  const { status, json, headers } = await call()
  expect({ status, code: json.code }).toEqual({ status: 429, code: 'too_many_requests' })
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(1)
})

test('an integration of another kind is not tested, and has no setup', async () => {
  const { api } = scene.service
  const parties = await api('GET', '/v1/relying-parties')
  const relyingPartyId = parties.json.items[0].id
  const wait = await api('POST', '/v1/integrations', {
    ...{ relyingPartyId, name: 'VPN', settings: { kind: 'wait' } },
  })
  const answer = await api('POST', `/v1/integrations/${wait.json.id}/test`)
  expect(answer.status).toBe(400)
  expect(answer.text).toContain('sends nobody to a page')
  expect(wait.json.setup).toBeNull()
})

test('the API answers what is to be pasted, where an integration is created, read and listed', async () => {
  const { service } = scene
  const id = await scene.ofEntra()
  const { json } = await service.api('GET', `/v1/integrations/${id}`)
  const issuer = `${service.origin}/t/${service.tenantId}/oidc`
  expect(json.setup).toMatchObject({
    ...{ kind: 'entra_external_mfa', clientId: id, issuer, replyUrl: `${issuer}/authorize` },
    discoveryEndpoint: `${issuer}/.well-known/openid-configuration`,
    applicationId: scene.entra.applicationId,
  })
  const list = await service.api('GET', '/v1/integrations')
  const listedIntegration = (list.json.items as { id: string; setup: unknown }[]).find(
    (one) => one.id === id,
  )
  expect(listedIntegration?.setup).toEqual(json.setup)
  const { settings, relyingPartyId, name } = json
  const wrong = await service.api('POST', '/v1/integrations', {
    ...{ relyingPartyId, name, settings: { ...settings, entraTenantId: 'organizations' } },
  })
  expect(wrong.status).toBe(400)
  expect(wrong.text).toContain('names no tenant: give the id (GUID)')
})
