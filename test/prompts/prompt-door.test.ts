// A prompt is a door like every other: receipts, activities, webhooks, reports, policy and use.

import { createRemoteJWKSet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { startSink, verify } from '../support/webhook-sink.ts'
import { numberIn, openPrompts, type PromptScene } from './prompt-scene.ts'

let scene: PromptScene
let clientId: string
let bareId: string
beforeAll(async () => {
  scene = await openPrompts()
  clientId = await scene.ofEntra()
  bareId = await scene.ofBareHints()
})
afterAll(() => scene[Symbol.asyncDispose]())

const read = async (path: string) => (await scene.service.api('GET', path)).json

/** A person of their own, with a phone, whom Entra sends and who is asked. */
async function aPersonAsked(id = clientId) {
  const oid = scene.stranger()
  const phone = await scene.aPhone({ user: oid })
  const start = await scene.begin(id, { claims: { oid } })
  const { text } = await start.browser.read(start.path)
  return { oid, phone, ...start, number: numberIn(text), question: await scene.questionAt(phone) }
}

const challengeOf = async ({ phone }: Awaited<ReturnType<typeof aPersonAsked>>) =>
  read(`/v1/challenges/${(await read(`/v1/challenges?userId=${phone.userId}`)).items[0].id}`)

describe('an approval on the page of a prompt', () => {
  test('leaves a receipt that the relying party verifies offline, and the evidence for it', async () => {
    const person = await aPersonAsked()
    await person.phone.client.approve(person.question, person.number)
    const { id, status, result } = await challengeOf(person)
    expect(status).toBe('approved')
    const { origin, tenantId } = scene.service
    const issuer = `${origin}/t/${tenantId}`
    const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`))
    const { payload } = await jwtVerify(result, keys, {
      ...{ issuer, audience: scene.relyingPartyId, typ: 'approval-result+jwt' },
      algorithms: ['ES256'],
    })
    expect(payload).toMatchObject({ cid: id, sub: person.phone.userId, decision: 'approved' })
    const evidence = await read(`/v1/challenges/${id}/evidence`)
    expect(evidence).toMatchObject({ request: expect.any(String), answer: expect.any(String) })
  })

  test('is recorded as the doing of the integration, to the person and by webhooks', async () => {
    await using sink = await startSink()
    const endpoint = await scene.service.api('POST', '/v1/webhook-endpoints', {
      ...{ url: sink.url, events: ['*'] },
    })
    const person = await aPersonAsked()
    await person.phone.client.approve(person.question, person.number)
    const { id } = await challengeOf(person)
    for (const type of ['challenge.created', 'challenge.approved']) {
      const delivery = await until(`${type} arrives`, () =>
        sink.deliveries.find(({ body }) => body.type === type),
      )
      verify(endpoint.json.secret, delivery)
      expect(delivery.body.data).toMatchObject({ challengeId: id, userId: person.phone.userId })
    }
    await scene.service.api('DELETE', `/v1/webhook-endpoints/${endpoint.json.id}`)
    const { items } = await read(`/v1/users/${person.phone.userId}/activities`)
    const creation = items.find(({ type }: { type: string }) => type === 'challenge_created')
    expect(creation.actor).toBe(`integration:${clientId}`)
    expect(person.question.context.application).toBe('Payroll')
  })
})

test('a code on the page is recorded as the doing of the integration', async () => {
  const id = await scene.ofEntra({ codesAsOtp: true })
  const person = await aPersonAsked(id)
  const user = `/v1/users/${person.phone.userId}`
  const { json } = await scene.service.api('POST', `${user}/temporary-codes`, {})
  await person.browser.post(`${person.path}/code`, { code: json.code })
  const { items } = await read(`${user}/activities`)
  const use = items.find(({ type }: { type: string }) => type === 'temporary_code_used')
  expect(use.actor).toBe(`integration:${id}`)
})

describe('a report of a person', () => {
  test('is one to deal with, and the browser that asked asks this person no more', async () => {
    const phone = await scene.aPhone({ user: 'reporter' })
    const { browser, path } = await scene.beginBare(bareId, 'reporter')
    await browser.post(`${path}/ask`)
    await phone.client.report(await scene.questionAt(phone))
    const report = await until('it is there', async () =>
      (await read('/v1/reports?status=open')).items.find(
        ({ userId }: { userId: string }) => userId === phone.userId,
      ),
    )
    expect(report).toBeDefined()
    expect((await browser.read(path)).text).toContain('Your organisation has been told')
    const { headers } = await browser.post(`${path}/return`)
    const { searchParams } = new URL(headers.get('location') ?? '')
    expect(searchParams.get('error')).toBe('access_denied')
    const next = await scene.beginBare(bareId, 'reporter', browser)
    await browser.post(`${next.path}/ask`)
    await until('it was refused', async () => {
      const { lastError } = await read(`/v1/integrations/${bareId}`)
      return lastError?.code === 'initiator_blocked'
    })
    expect((await phone.client.pending()).requests).toEqual([])
    expect((await browser.read(next.path)).text).toContain('Waiting for your phone.')
  })
})

describe('settings of the integration', () => {
  test('hold for its prompts: more digits, a shorter time, a verified person', async () => {
    const policy = { numberDigits: 8, userVerification: 'required' }
    const id = await scene.ofEntra({}, { policy, ttlSeconds: 30 })
    const { number, question, path } = await aPersonAsked(id)
    expect(number).toMatch(/^\d{8}$/)
    expect([question.numberDigits, question.userVerification]).toEqual([8, 'required'])
    const [row] = await scene.query<{ seconds: string }>(
      'select extract(epoch from round_until - round_at) as seconds from prompts where id = $1',
      [path.split('/').at(-1)],
    )
    expect(Number(row?.seconds)).toBeCloseTo(30, 1)
  })

  test('never lengthen a prompt: what it asks ends with it', async () => {
    const oid = scene.stranger()
    const phone = await scene.aPhone({ user: oid })
    const { browser, path } = await scene.begin(clientId, { claims: { oid } })
    const id = path.split('/').at(-1)
    const [row] = await scene.query<{ until: Date }>(
      `update prompts set expires_at = clock_timestamp() + interval '30 seconds' where id = $1
       returning expires_at as until`,
      [id],
    )
    await browser.read(path)
    const { expiresAt } = await scene.questionAt(phone)
    expect(expiresAt.getTime()).toBeLessThanOrEqual((row?.until.getTime() ?? 0) + 1)
  })

  test('stop it at once: a paused one shows, asks and answers nothing until it goes on', async () => {
    const id = await scene.ofEntra()
    const { browser, path, form, phone, number, question } = await aPersonAsked(id)
    await phone.client.approve(question, number)
    await scene.service.api('PATCH', `/v1/integrations/${id}`, { status: 'paused' })
    for (const action of ['more', 'again', 'cancel', 'return']) {
      const answer = await browser.post(`${path}/${action}`)
      expect([answer.status, answer.text.includes('id_token')]).toEqual([403, false])
    }
    expect((await browser.read(path)).status).toBe(403)
    expect((await browser.read(`${path}/events`)).status).toBe(403)
    await scene.service.api('PATCH', `/v1/integrations/${id}`, { status: 'active' })
    const { text } = await browser.post(`${path}/return`)
    expect(await scene.entraDecision(text, form, id)).toBe('signed in')
  })
})

test('what admins see of the integration: how often it was used, and what failed last', async () => {
  const id = await scene.ofEntra()
  expect(await read(`/v1/integrations/${id}`)).toMatchObject({ lastUsedAt: null, lastError: null })
  await scene.begin(id)
  await scene.begin(id)
  const form = await scene.entraForm(id, { forged: true })
  await scene.aBrowser().post(`/t/${scene.service.tenantId}/oidc/authorize`, form, 'cross-site')
  const usage = await until('it is stored', async () => {
    const integration = await read(`/v1/integrations/${id}`)
    return integration.lastError && integration
  })
  expect(usage).toMatchObject({
    lastUsedAt: expect.any(String),
    uses: 2,
    lastError: { code: 'invalid_request' },
  })
})
