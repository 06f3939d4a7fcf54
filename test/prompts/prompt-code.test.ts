// Codes that a person types on the page of a prompt.

import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { codeAnswerMs } from '../../src/prompts/page/prompt-code.routes.ts'
import { openPrompts, type PromptScene } from './prompt-scene.ts'

let scene: PromptScene
let clientId: string
beforeAll(async () => {
  scene = await openPrompts()
  clientId = await scene.ofEntra()
})
afterAll(() => scene[Symbol.asyncDispose]())

const singleUse = /[0-9A-Z]{4}(-[0-9A-Z]{4}){3}/
const wrongCode = '7K3Q-M9TX-2R8B-0VWD'

async function aPerson(id = clientId) {
  const oid = scene.stranger()
  const phone = await scene.aPhone({ user: oid })
  return { oid, phone, ...(await scene.begin(id, { claims: { oid } })) }
}

/** The passcode that the phone shows now. */
function passcodeOn({ client }: Awaited<ReturnType<PromptScene['aPhone']>>): string {
  const { passcode } = client.account
  if (!passcode) throw new Error('the phone got no secret')
  return new TOTP({
    ...passcode,
    secret: Secret.fromBase32(passcode.secret),
  }).generate()
}

describe('a code', () => {
  test('of the app approves, once, and Entra learns that it was one', async () => {
    await scene.aPhone()
    const phone = await scene.aPhone()
    const { browser, path, form } = await scene.begin(clientId)
    expect((await browser.read(`${path}/code`)).text).toContain('autocomplete="one-time-code"')
    const code = passcodeOn(phone)
    expect((await browser.post(`${path}/code`, { code })).headers.get('location')).toBe(path)
    const { text } = await browser.post(`${path}/return`)
    expect(await scene.entraDecision(text, form, clientId)).toBe('signed in')
    const second = await scene.begin(clientId)
    const again = await second.browser.post(`${second.path}/code`, { code })
    expect([again.status, again.text.includes('was used before')]).toEqual([422, true])
  })

  test('counts for nothing where the prompt is over, and is not used up', async () => {
    const { phone, browser, path } = await aPerson()
    await browser.post(`${path}/cancel`)
    const code = passcodeOn(phone)
    expect((await browser.post(`${path}/code`, { code })).headers.get('location')).toBe(path)
    expect((await browser.read(path)).text).toContain('It was called off')
    expect((await browser.read(`${path}/code`)).status).toBe(303)
    const user = `/v1/users/${phone.userId}`
    const use = await scene.service.api('POST', `${user}/passcodes/verify`, { code })
    expect(use.status).toBe(200)
  })

  test('of the help desk approves where the integration takes it, and calls off the question', async () => {
    const id = await scene.ofEntra({ codesAsOtp: true })
    const { phone, browser, path, form } = await aPerson(id)
    await browser.read(path)
    await scene.questionAt(phone)
    const { json } = await scene.service.api(
      'POST',
      `/v1/users/${phone.userId}/temporary-codes`,
      {},
    )
    expect(json.code).toMatch(singleUse)
    const answer = await browser.post(`${path}/code`, { code: json.code.toLowerCase() })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, path])
    expect((await browser.read(path)).text).toContain('Confirmed')
    expect((await phone.client.pending()).requests).toEqual([])
    const { text } = await browser.post(`${path}/return`)
    const [, token = ''] = /name="id_token" value="([^"]+)"/.exec(text) ?? []
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    expect(claims.amr).toEqual(['otp'])
    expect(form.state).toBeDefined()
  })

  test('of the help desk ends the sign-in where the integration takes none, and is not used up', async () => {
    const { phone, browser, path, form } = await aPerson()
    const user = `/v1/users/${phone.userId}`
    const { json } = await scene.service.api('POST', `${user}/temporary-codes`, {})
    await browser.read(path)
    await scene.questionAt(phone)
    const answer = await browser.post(`${path}/code`, { code: json.code })
    expect([answer.status, answer.headers.get('location')]).toEqual([303, path])
    expect((await phone.client.pending()).requests).toEqual([])
    const page = await browser.read(path)
    expect(page.text).toContain('takes no recovery codes, and no codes from the help desk')
    expect(page.text).toContain('Back to')
    const { text } = await browser.post(`${path}/return`)
    expect(await scene.entraDecision(text, form, clientId)).toBe('error: access_denied')
    const use = { code: json.code }
    expect((await scene.service.api('POST', `${user}/passcodes/verify`, use)).status).toBe(200)
  })
})

describe('a wrong code', () => {
  const answerTo = async (start: Awaited<ReturnType<PromptScene['begin']>>, code: string) => {
    const startedAt = performance.now()
    const { status, headers, text } = await start.browser.post(`${start.path}/code`, { code })
    return {
      // A timer may fire within the millisecond before.
      isEven: performance.now() - startedAt >= codeAnswerMs - 1,
      status,
      headers: [...headers]
        .filter(([name]) => !['date', 'request-id', 'set-cookie'].includes(name))
        .map(([name, value]) => [name, value.replace(start.path, '{path}')])
        .toSorted(),
      text: text.replaceAll(start.path, '{path}'),
    }
  }

  test('is answered like one of a person who does not exist, is locked or is suspended', async () => {
    const stranger = await scene.begin(clientId, { claims: { oid: scene.stranger() } })
    const lockedPerson = await aPerson()
    const suspendedPerson = await aPerson()
    const { userId } = suspendedPerson.phone
    await scene.service.api('PATCH', `/v1/users/${userId}`, { status: 'suspended' })
    for (let at = 0; at < 12; at++) {
      await scene.service.api('POST', `/v1/users/${lockedPerson.phone.userId}/passcodes/verify`, {
        code: `10000${at % 10}`,
      })
    }
    const others = [stranger, lockedPerson, suspendedPerson]
    // The last one is of the form that the integration takes from nobody: it ends the sign-in.
    for (const [code, status] of [
      ['12345678', 422],
      ['what', 422],
      [wrongCode, 303],
    ] as const) {
      const usualAnswer = await answerTo(await aPerson(), code)
      expect([usualAnswer.status, usualAnswer.isEven]).toEqual([status, true])
      for (const other of others) expect(await answerTo(other, code)).toEqual(usualAnswer)
    }
    for (const { browser, path } of others) {
      expect((await browser.read(path)).text).toContain('takes no recovery codes')
    }
  })

  test('is not told apart from a right one of somebody who is suspended', async () => {
    const { phone, ...start } = await aPerson()
    await scene.service.api('PATCH', `/v1/users/${phone.userId}`, { status: 'suspended' })
    expect((await answerTo(start, passcodeOn(phone))).text).toContain('does not count')
  })
})
