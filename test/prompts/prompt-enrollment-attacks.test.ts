// Who cannot enroll a device at a prompt: above all who knows a password, and nothing else.

import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { codeAnswerMs } from '../../src/prompts/page/prompt-code.routes.ts'
import { createOtherTenant } from '../support/other-tenant.ts'
import { createApi } from '../support/running-service.ts'
import { type EnrollmentScene, openEnrollments, typedCodeIn } from './enrollment-scene.ts'
import { callback } from './prompt-scene.ts'

let scene: EnrollmentScene
beforeAll(async () => {
  scene = await openEnrollments()
})
afterAll(() => scene[Symbol.asyncDispose]())

const wrongCode = '7K3Q-M9TX-2R8B-0VWD'
type Start = Awaited<ReturnType<EnrollmentScene['arrive']>>

/** What an order is answered with, without what names the prompt. */
async function answerTo({ browser, path }: Start, code: string) {
  const startedAt = performance.now()
  const { status, headers, text } = await browser.post(`${path}/enroll`, { code })
  const hidden = ['date', 'request-id', 'set-cookie']
  return {
    // A timer may fire within the millisecond before.
    isEven: performance.now() - startedAt >= codeAnswerMs - 1,
    status,
    headers: [...headers].filter(([name]) => !hidden.includes(name)).toSorted(),
    text: text.replaceAll(path, '{path}'),
  }
}

/** How somebody is answered whom nobody knows. */
const refusal = async (code = wrongCode) => answerTo(await scene.arrive(scene.stranger()), code)

async function expectRefusal(start: Start, code: string, userId?: string): Promise<void> {
  expect(await answerTo(start, code)).toEqual(await refusal())
  expect(typedCodeIn((await start.browser.read(`${start.path}/enroll`)).text)).toBeUndefined()
  if (userId === undefined) return
  const enrollments = await scene.query(
    'select id from enrollments where user_id = $1 and opened_by_prompt_id is not null',
    [userId],
  )
  expect(enrollments).toEqual([])
}

/** The page with the codes as it is now: a phone may have read it before something changes. */
async function pageOf(start: Start): Promise<Start> {
  const answer = await start.browser.read(`${start.path}/enroll`)
  return { ...start, browser: { ...start.browser, read: async () => answer } }
}

describe('who knows the password alone', () => {
  test('enrolls nothing: without a code, with a wrong one, with no code at all', async () => {
    const start = await scene.aNewcomerAtPrompt()
    for (const code of ['', wrongCode, 'what', '12345678']) {
      await expectRefusal(start, code, start.userId)
    }
  })

  test('is answered the same, in the same time, for every name', async () => {
    const withPhone = scene.stranger()
    await scene.aPhone({ user: withPhone })
    const suspendedUser = await scene.aNewcomer()
    await scene.openWindow(suspendedUser.userId)
    await scene.service.api('PATCH', `/v1/users/${suspendedUser.userId}`, { status: 'suspended' })
    const newcomer = await scene.aNewcomer()
    for (const code of ['', wrongCode, 'what', '12345678']) {
      const usual = await refusal(code)
      expect([usual.status, usual.isEven]).toEqual([422, true])
      for (const oid of [withPhone, suspendedUser.oid, newcomer.oid]) {
        expect(await answerTo(await scene.arrive(oid), code)).toEqual(usual)
      }
    }
  })

  test('sees the same page and the same link for every name', async () => {
    const withPhone = scene.stranger()
    await scene.aPhone({ user: withPhone })
    const { oid: newcomer, userId } = await scene.aNewcomer()
    await scene.openWindow(userId)
    const formFor = async (oid: string) => {
      const { browser, path } = await scene.arrive(oid)
      const { status, text } = await browser.read(`${path}/enroll`)
      return [status, text.replaceAll(path, '{path}')]
    }
    const usual = await formFor(scene.stranger())
    expect([await formFor(withPhone), await formFor(newcomer)]).toEqual([usual, usual])
  })

  test('has the tries of typed codes, in common with them; a right one counts after those, too', async () => {
    const start = await scene.aNewcomerAtPrompt()
    const failures = async () =>
      (await scene.activitiesOf(start.userId)).filter(({ type }) => type === 'passcode_failed')
    await Promise.all(Array.from({ length: 14 }, () => scene.enroll(start, wrongCode)))
    const chargedCount = (await failures()).length
    expect(chargedCount).toBeGreaterThan(0)
    expect(chargedCount).toBeLessThan(14)
    await start.browser.post(`${start.path}/code`, { code: '12345678' })
    expect(await failures()).toHaveLength(chargedCount)
    // Nobody is kept out by the tries of others: 80 bits are not guessed.
    expect((await scene.enroll(start, await scene.codeFor(start.userId))).status).toBe(303)
  })
})

describe('nobody enrolls here who has or had another factor:', () => {
  test('a device that is unregistered now', async () => {
    const oid = scene.stranger()
    const { deviceId, userId } = await scene.aPhone({ user: oid })
    const device = `/v1/devices/${deviceId}/unregister`
    await scene.service.api('POST', device, { reason: 'lost' })
    const code = await scene.codeFor(userId)
    const start = await scene.arrive(oid)
    await expectRefusal(start, code, userId)
    // Even a window that is open by mistake.
    await scene.query(
      `update user_protections set may_enroll_until = clock_timestamp() + interval '1 hour'
       where user_id = $1`,
      [userId],
    )
    await expectRefusal(start, '', userId)
    const use = await scene.service.api('POST', `/v1/users/${userId}/passcodes/verify`, { code })
    expect(use.status).toBe(200)
  })

  test('recovery codes, one of which is typed', async () => {
    const start = await scene.aNewcomerAtPrompt()
    const { json } = await scene.service.api('POST', `/v1/users/${start.userId}/recovery-codes`, {})
    await expectRefusal(start, json.codes[0], start.userId)
    await expectRefusal(start, await scene.codeFor(start.userId), start.userId)
  })
})

describe('a temporary code', () => {
  test('counts once', async () => {
    const start = await scene.aNewcomerAtPrompt()
    const code = await scene.codeFor(start.userId)
    await scene.service.api('POST', `/v1/users/${start.userId}/passcodes/verify`, { code })
    await expectRefusal(start, code, start.userId)
  })

  test('that opened one prompt opens no other', async () => {
    const start = await scene.aNewcomerAtPrompt()
    const code = await scene.codeFor(start.userId)
    const others = await Promise.all([scene.arrive(start.oid), scene.arrive(start.oid)])
    const answers = await Promise.all([start, ...others].map((one) => scene.enroll(one, code)))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([303, 422, 422])
    expect(await scene.enrollmentsOf(start.userId)).toHaveLength(1)
  })

  test('of another user counts for nobody else, nor one of a user of the same name elsewhere', async () => {
    const start = await scene.aNewcomerAtPrompt()
    const other = await scene.aNewcomer()
    await expectRefusal(start, await scene.codeFor(other.userId), start.userId)
    const { key } = await createOtherTenant(scene.service)
    const api = createApi(scene.service.origin, key)
    const body = { displayName: 'Newcomer', identifiers: [start.oid] }
    const { id } = (await api('POST', '/v1/users', body)).json
    const { status, json } = await api('POST', `/v1/users/${id}/temporary-codes`, {})
    expect(status).toBe(201)
    await expectRefusal(start, json.code, start.userId)
  })

  test('that is too old counts no more', async () => {
    const start = await scene.aNewcomerAtPrompt()
    const code = await scene.codeFor(start.userId)
    await scene.query(
      'update single_use_codes set expires_at = clock_timestamp() where user_id = $1',
      [start.userId],
    )
    await expectRefusal(start, code, start.userId)
  })
})

describe('a window', () => {
  test('that has ended, or was closed, permits nothing', async () => {
    const start = await scene.aNewcomerAtPrompt()
    await scene.openWindow(start.userId)
    await scene.query(
      'update user_protections set may_enroll_until = clock_timestamp() where user_id = $1',
      [start.userId],
    )
    await expectRefusal(start, '', start.userId)
    await scene.openWindow(start.userId)
    await scene.closeWindow(start.userId)
    await expectRefusal(start, '', start.userId)
  })

  test('that is closed ends what it has permitted: no phone claims or confirms it', async () => {
    const first = await scene.aNewcomerAtPrompt()
    const second = await scene.aNewcomerAtPrompt()
    for (const { userId } of [first, second]) await scene.openWindow(userId)
    for (const start of [first, second]) await scene.enroll(start)
    const phone = await scene.claim(second)
    const { text } = await second.browser.read(`${second.path}/enroll`)
    const firstPage = await pageOf(first)
    for (const { userId } of [first, second]) await scene.closeWindow(userId)
    expect((await first.browser.read(`${first.path}/enroll`)).text).toContain('No device was added')
    await expect(scene.claim(firstPage)).rejects.toMatchObject({ code: 'enrollment_code_invalid' })
    const [, number = ''] = /class="code">(\d{6})</.exec(text) ?? []
    await expect(phone.client.confirm(number)).rejects.toMatchObject({
      code: 'device_unregistered',
    })
    expect(await scene.devicesOf(first.userId)).toEqual([])
    expect(await scene.devicesOf(second.userId)).not.toMatchObject([{ status: 'active' }])
    for (const { userId } of [first, second]) {
      expect(await scene.enrollmentsOf(userId)).toMatchObject([{ status: 'cancelled' }])
    }
  })

  test('that is closed after its end cancels what goes on, too, and nothing that a code permits', async () => {
    const first = await scene.aNewcomerAtPrompt()
    const second = await scene.aNewcomerAtPrompt()
    await scene.openWindow(first.userId)
    await scene.enroll(first)
    await scene.enroll(second, await scene.codeFor(second.userId))
    await scene.query('update user_protections set may_enroll_until = now() where user_id = $1', [
      first.userId,
    ])
    for (const { userId } of [first, second]) await scene.closeWindow(userId)
    expect(await scene.enrollmentsOf(first.userId)).toMatchObject([{ status: 'cancelled' }])
    expect(await scene.enrollmentsOf(second.userId)).toMatchObject([{ status: 'open' }])
    const [activity] = await scene.activitiesOf(first.userId)
    expect(activity?.type).toBe('enrollment_cancelled')
  })

  test('gives one device at most, to however many prompts at once', async () => {
    const start = await scene.aNewcomerAtPrompt()
    await scene.openWindow(start.userId)
    const starts = [start, await scene.arrive(start.oid), await scene.arrive(start.oid)]
    await Promise.all(starts.map((one) => scene.enroll(one)))
    const claims = await Promise.allSettled(starts.map((one) => scene.claim(one)))
    expect(claims.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await scene.devicesOf(start.userId)).toHaveLength(1)
  })
})

describe('an enrollment that was opened', () => {
  test('gives no device once the user has one from elsewhere', async () => {
    const start = await scene.aNewcomerAtPrompt()
    const late = await scene.arrive(start.oid)
    await scene.openWindow(start.userId)
    await scene.enroll(start)
    await scene.enroll(late)
    const phone = await scene.claim(late)
    const { text } = await late.browser.read(`${late.path}/enroll`)
    await scene.aPhone({ user: start.oid })
    await expect(scene.claim(start)).rejects.toMatchObject({ code: 'enrollment_not_open' })
    const [, number = ''] = /class="code">(\d{6})</.exec(text) ?? []
    await expect(phone.client.confirm(number)).rejects.toMatchObject({ code: 'conflict' })
  })

  test('gives no device once the user has recovery codes', async () => {
    const start = await scene.aNewcomerAtPrompt()
    await scene.enroll(start, await scene.codeFor(start.userId))
    await scene.service.api('POST', `/v1/users/${start.userId}/recovery-codes`, {})
    await expect(scene.claim(start)).rejects.toMatchObject({ code: 'enrollment_not_open' })
  })

  const promptChange = (change: string) => (start: Start) =>
    scene.query(`update prompts set ${change} where id = $1`, [start.path.split('/').at(-1)])
  const integrationChange = (change: object) => (start: Start) =>
    scene.service.api('PATCH', `/v1/integrations/${start.id}`, change)

  test.each<[string, (start: Start) => Promise<unknown>]>([
    ['its prompt is over', promptChange('expires_at = clock_timestamp()')],
    [
      'its prompt is over by its last number',
      promptChange('round = 2, round_until = clock_timestamp()'),
    ],
    ['its prompt has ended', promptChange(`outcome = 'denied', ended_at = clock_timestamp()`)],
    ['its integration is paused', integrationChange({ status: 'paused' })],
    [
      'its integration allows it no more',
      ({ id }) =>
        scene.query(
          `update integrations set settings = settings || '{"enrollmentAllowed": false}'
           where id = $1`,
          [id],
        ),
    ],
  ])('gives no device when %s', async (_, change) => {
    const id = await scene.ofEntra({ enrollmentAllowed: true })
    const start = await scene.aNewcomerAtPrompt(id)
    await scene.openWindow(start.userId)
    await scene.enroll(start)
    const page = await pageOf(start)
    await change(start)
    await expect(scene.claim(page)).rejects.toMatchObject({ code: 'enrollment_not_open' })
    expect(await scene.devicesOf(start.userId)).toEqual([])
  })
})

describe('there is no such page', () => {
  const expectNone = async ({ browser, path }: Pick<Start, 'browser' | 'path'>) => {
    const nothing = await browser.read(`${path}/nothing`)
    for (const address of [`${path}/enroll`, `${path}/enroll/events`]) {
      const answer = await browser.read(address)
      expect([answer.status, answer.text]).toEqual([404, nothing.text])
    }
    expect((await browser.post(`${path}/enroll`, { code: wrongCode })).status).toBe(404)
    expect((await browser.read(path)).text).not.toContain('/enroll')
  }

  test('where the integration does not have the setting', async () => {
    const { oid, userId } = await scene.aNewcomer()
    await scene.openWindow(userId)
    const id = await scene.ofEntra()
    const { json } = await scene.service.api('GET', `/v1/integrations/${id}`)
    expect(json.settings.enrollmentAllowed).toBe(false)
    await expectNone(await scene.arrive(oid, id))
    expect(await scene.enrollmentsOf(userId)).toEqual([])
  })

  test('where nobody has signed who is asked, although the integration has it', async () => {
    const { id } = (
      await scene.service.api('POST', '/v1/integrations', {
        relyingPartyId: (await scene.service.api('GET', '/v1/relying-parties')).json.items[0].id,
        name: 'Payroll',
        settings: {
          kind: 'oidc_code',
          redirectUris: [callback],
          clientAuthentication: 'client_secret_basic',
          bareLoginHintAllowed: true,
          enrollmentAllowed: true,
        },
      })
    ).json
    const { oid, userId } = await scene.aNewcomer()
    await scene.openWindow(userId)
    await expectNone(await scene.beginBare(id, oid))
    expect(await scene.enrollmentsOf(userId)).toEqual([])
  })

  test('for another browser, before and after something was enrolled', async () => {
    const start = await scene.aNewcomerAtPrompt()
    const thief = scene.aBrowser()
    thief.jar.set('countersign-prompt', {
      path: '/',
      value: randomBytes(32).toString('base64url'),
    })
    await scene.openWindow(start.userId)
    for (let at = 0; at < 2; at++) {
      for (const address of ['enroll', 'enroll/events']) {
        expect((await thief.read(`${start.path}/${address}`)).status).toBe(404)
      }
      expect((await thief.post(`${start.path}/enroll`, {})).status).toBe(404)
      await scene.enroll(start)
    }
    expect(await scene.enrollmentsOf(start.userId)).toHaveLength(1)
  })
})

test('another site presses nothing and follows nothing', async () => {
  const start = await scene.aNewcomerAtPrompt()
  await scene.openWindow(start.userId)
  for (const site of ['cross-site', 'same-site', 'none']) {
    const init = {
      method: 'POST',
      body: new URLSearchParams({ code: '' }),
      headers: { 'sec-fetch-site': site },
    }
    expect((await start.browser.send(`${start.path}/enroll`, init)).status).toBe(403)
    expect((await start.browser.read(`${start.path}/enroll/events`, site)).status).toBe(403)
  }
  expect(await scene.enrollmentsOf(start.userId)).toEqual([])
})

test('no page of it can be framed, cached or made to send its forms elsewhere', async () => {
  const start = await scene.aNewcomerAtPrompt()
  await scene.openWindow(start.userId)
  const policies = []
  for (let at = 0; at < 2; at++) {
    const { headers, text } = await start.browser.read(`${start.path}/enroll`)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(text).not.toMatch(/<img|style=/)
    policies.push(headers.get('content-security-policy'))
    await scene.enroll(start)
  }
  for (const policy of policies) {
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[^']+';/)
    expect(policy).toContain("form-action 'self' https://login.microsoftonline.com;")
    expect(policy).toContain("frame-ancestors 'none'")
  }
})
