// A first device that is enrolled on the page of a prompt.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { startSink } from '../support/webhook-sink.ts'
import {
  confirmationIn,
  type EnrollmentScene,
  openEnrollments,
  typedCodeIn,
} from './enrollment-scene.ts'
import { numberIn } from './prompt-scene.ts'

let scene: EnrollmentScene
beforeAll(async () => {
  scene = await openEnrollments()
})
afterAll(() => scene[Symbol.asyncDispose]())

describe('a person who never had a device', () => {
  test('enrolls one by a code of the help desk, is asked on it, and Entra learns the answer', async () => {
    const start = await scene.aNewcomerAtPrompt()
    const { browser, path, form, userId, id } = start
    expect((await browser.read(path)).text).toContain(`href="${path}/enroll"`)
    expect((await browser.read(`${path}/enroll`)).text).toContain('Code from the help desk')
    const answer = await scene.enroll(start, (await scene.codeFor(userId)).toLowerCase())
    expect([answer.status, answer.headers.get('location')]).toEqual([303, `${path}/enroll`])
    const phone = await scene.claim(start)
    const { text } = await browser.read(`${path}/enroll`)
    expect(text).toContain('Type this number on the phone')
    await phone.client.confirm(confirmationIn(text) ?? '')
    const done = (await browser.read(`${path}/enroll`)).text
    expect(done).toContain('It has approved nothing yet.')
    expect(done).toContain(`action="${path}/more"`)
    expect((await browser.post(`${path}/more`)).headers.get('location')).toBe(path)
    const number = numberIn((await browser.read(path)).text)
    await phone.client.approve(await scene.questionAt(phone), number)
    expect((await browser.read(path)).text).toContain('Confirmed')
    const posting = await browser.post(`${path}/return`)
    expect(await scene.entraDecision(posting.text, form, id)).toBe('signed in')
  })

  test('enrolls one in a window without any code; the first device closes it', async () => {
    const start = await scene.aNewcomerAtPrompt()
    await scene.openWindow(start.userId)
    expect((await scene.enroll(start)).status).toBe(303)
    await scene.enrollPhone(start)
    const path = `/v1/users/${start.userId}/enrollment-window`
    expect((await scene.service.api('GET', path)).json.mayEnrollUntil).toBeNull()
    expect(await scene.devicesOf(start.userId)).toMatchObject([{ status: 'active' }])
  })

  test('enrolls one where the client pushed its request', async () => {
    const { oid, userId } = await scene.aNewcomer()
    const start = await scene.arriveByPush(oid)
    expect((await scene.enroll(start, await scene.codeFor(userId))).status).toBe(303)
    const phone = await scene.enrollPhone(start)
    await start.browser.post(`${start.path}/more`)
    const number = numberIn((await start.browser.read(start.path)).text)
    await phone.client.approve(await scene.questionAt(phone), number)
    const back = await start.browser.post(`${start.path}/return`)
    expect(new URL(back.headers.get('location') ?? '').searchParams.get('code')).toMatch(
      /^[\w-]{43}$/,
    )
  })

  test('is asked with a new number where the time of the first is over, or there was none', async () => {
    const slowId = await scene.ofEntra({ enrollmentAllowed: true, asksAtOnce: false })
    const starts = [await scene.aNewcomerAtPrompt(), await scene.aNewcomerAtPrompt(slowId)]
    for (const start of starts) {
      await scene.openWindow(start.userId)
      await scene.enroll(start)
      const phone = await scene.enrollPhone(start)
      await scene.query('update prompts set round_until = clock_timestamp() where id = $1', [
        start.path.split('/').at(-1),
      ])
      const { text } = await start.browser.read(`${start.path}/enroll`)
      const [, action = ''] = /action="([^"]+)" data-go/.exec(text) ?? []
      expect(action).toBe(`${start.path}/${start === starts[0] ? 'more' : 'ask'}`)
      await start.browser.post(action)
      const number = numberIn((await start.browser.read(start.path)).text)
      await phone.client.approve(await scene.questionAt(phone), number)
      expect((await start.browser.read(start.path)).text).toContain('Confirmed')
    }
  })

  test('keeps the code of the help desk where a window permits it', async () => {
    const start = await scene.aNewcomerAtPrompt()
    await scene.openWindow(start.userId)
    const code = await scene.codeFor(start.userId)
    expect((await scene.enroll(start, code)).status).toBe(303)
    const use = await scene.service.api('POST', `/v1/users/${start.userId}/passcodes/verify`, {
      code,
    })
    expect(use.status).toBe(200)
  })

  test('sees the same codes at a reload, in a second tab and after a second press', async () => {
    const start = await scene.aNewcomerAtPrompt()
    const { browser, path, userId } = start
    const code = await scene.codeFor(userId)
    const answers = await Promise.all([scene.enroll(start, code), scene.enroll(start, code)])
    answers.push(await scene.enroll(start), await scene.enroll(start, code))
    expect(answers.map(({ status }) => status)).toEqual([303, 303, 303, 303])
    const pages = [await browser.read(`${path}/enroll`), await browser.read(`${path}/enroll`)]
    const codes = pages.map(({ text }) => typedCodeIn(text))
    expect(codes[0]).toMatch(/^\w{5}-\w{5}$/)
    expect(codes[1]).toBe(codes[0])
    expect(await scene.enrollmentsOf(userId)).toHaveLength(1)
  })

  test('begins again in the window after an enrollment came to nothing', async () => {
    const start = await scene.aNewcomerAtPrompt()
    await scene.openWindow(start.userId)
    await scene.enroll(start)
    const phone = await scene.claim(start)
    const page = (await start.browser.read(`${start.path}/enroll`)).text
    const wrong = confirmationIn(page) === '000000' ? '111111' : '000000'
    for (let at = 0; at < 3; at++) await phone.client.confirm(wrong).catch(() => undefined)
    expect((await start.browser.read(`${start.path}/enroll`)).text).toContain('No device was added')
    expect((await scene.enroll(start)).status).toBe(303)
    await scene.enrollPhone(start)
    expect(await scene.enrollmentsOf(start.userId)).toMatchObject([
      { status: 'void' },
      { status: 'completed' },
    ])
  })

  test('who was too late with the number begins again at the next prompt', async () => {
    const start = await scene.aNewcomerAtPrompt()
    await scene.openWindow(start.userId)
    await scene.enroll(start)
    await scene.claim(start)
    await scene.query('update enrollments set expires_at = clock_timestamp() where user_id = $1', [
      start.userId,
    ])
    const next = await scene.arrive(start.oid)
    expect((await scene.enroll(next)).status).toBe(303)
  })

  test('is led on by events: to the number, to the device, to the question', async () => {
    const start = await scene.aNewcomerAtPrompt()
    const { browser, path } = start
    await scene.openWindow(start.userId)
    expect((await browser.read(`${path}/enroll/events`)).status).toBe(404)
    await scene.enroll(start)
    const openStream = await browser.read(`${path}/enroll/events`)
    const phone = await scene.claim(start)
    const pageOf = (text: string) => JSON.parse(/data: (.*)\n\n$/.exec(text)?.[1] ?? '').page
    expect(pageOf(await openStream.answer.text())).toMatch(/^claimed enr_/)
    const claimedStream = await browser.read(`${path}/enroll/events`)
    const { text } = await browser.read(`${path}/enroll`)
    await phone.client.confirm(confirmationIn(text) ?? '')
    expect(pageOf(await claimedStream.answer.text())).toMatch(/^completed enr_/)
  })

  test('who is asked on the new device already is led to the number', async () => {
    const start = await scene.aNewcomerAtPrompt()
    const { browser, path } = start
    await scene.openWindow(start.userId)
    await scene.enroll(start)
    const phone = await scene.enrollPhone(start)
    await browser.post(`${path}/more`)
    await scene.questionAt(phone)
    expect((await browser.read(`${path}/enroll`)).headers.get('location')).toBe(path)
  })
})

describe('the prompt', () => {
  test('sets the end of the codes', async () => {
    const start = await scene.aNewcomerAtPrompt()
    await scene.query(
      `update prompts set expires_at = clock_timestamp() + interval '1 minute' where id = $1`,
      [start.path.split('/').at(-1)],
    )
    await scene.openWindow(start.userId)
    await scene.enroll(start)
    const [enrollment] = await scene.enrollmentsOf(start.userId)
    expect((enrollment?.expiresAt.getTime() ?? 0) - Date.now()).toBeLessThanOrEqual(60_000)
  })

  test.each(['open', 'claimed'])('that is cancelled cancels its enrollment: %s', async (status) => {
    const start = await scene.aNewcomerAtPrompt()
    await scene.openWindow(start.userId)
    await scene.enroll(start)
    const { text } = await start.browser.read(`${start.path}/enroll`)
    if (status === 'claimed') await scene.claim(start)
    await start.browser.post(`${start.path}/cancel`)
    expect(await scene.enrollmentsOf(start.userId)).toMatchObject([{ status: 'cancelled' }])
    const devices = await scene.devicesOf(start.userId)
    expect(devices.filter((one) => one.status !== 'unregistered')).toEqual([])
    expect((await start.browser.read(`${start.path}/enroll`)).headers.get('location')).toBe(
      start.path,
    )
    expect((await scene.enroll(start)).headers.get('location')).toBe(start.path)
    const [row] = await scene.query<{ sealed: Buffer | null }>(
      'select enrollment_sealed as sealed from prompts where id = $1',
      [start.path.split('/').at(-1)],
    )
    expect([row?.sealed, typedCodeIn(text)]).toEqual([null, expect.any(String)])
  })

  test('that is over by its last number cancels its enrollment when the client is answered', async () => {
    const start = await scene.aNewcomerAtPrompt()
    await scene.openWindow(start.userId)
    await scene.enroll(start)
    await start.browser.post(`${start.path}/more`)
    await scene.query('update prompts set round_until = clock_timestamp() where id = $1', [
      start.path.split('/').at(-1),
    ])
    const { text } = await start.browser.post(`${start.path}/return`)
    expect(await scene.entraDecision(text, start.form, start.id)).toBe('error: access_denied')
    expect(await scene.enrollmentsOf(start.userId)).toMatchObject([{ status: 'cancelled' }])
  })

  test('that shows its last number offers no enrollment: no number is left to ask by', async () => {
    const start = await scene.aNewcomerAtPrompt()
    const { browser, path } = start
    await scene.openWindow(start.userId)
    await browser.post(`${path}/more`)
    expect((await browser.read(path)).text).not.toContain('/enroll')
    expect((await browser.read(`${path}/enroll`)).headers.get('location')).toBe(path)
    expect((await scene.enroll(start)).headers.get('location')).toBe(path)
    expect(await scene.enrollmentsOf(start.userId)).toEqual([])
  })

  test('is not approved by the enrollment', async () => {
    const start = await scene.aNewcomerAtPrompt()
    const { browser, path, form, id } = start
    await scene.enroll(start, await scene.codeFor(start.userId))
    await scene.enrollPhone(start)
    expect((await browser.read(path)).text).not.toContain('Confirmed')
    expect((await browser.post(`${path}/return`)).headers.get('location')).toBe(path)
    await browser.post(`${path}/cancel`)
    const { text } = await browser.post(`${path}/return`)
    expect(await scene.entraDecision(text, form, id)).toBe('error: access_denied')
  })
})

test.each([
  ['temporary_code', ['temporary_code_used', 'prompt_enrollment_opened']],
  ['enrollment_window', ['prompt_enrollment_opened']],
] as const)('every channel says what permitted a device, and where: %s', async (permit, types) => {
  await using sink = await startSink()
  const events = ['activity.recorded']
  const endpoint = await scene.service.api('POST', '/v1/webhook-endpoints', {
    url: sink.url,
    events,
  })
  const start = await scene.aNewcomerAtPrompt()
  const { userId, id } = start
  if (permit === 'enrollment_window') await scene.openWindow(userId)
  await scene.enroll(start, permit === 'temporary_code' ? await scene.codeFor(userId) : '')
  await scene.enrollPhone(start)
  const activities = await scene.activitiesOf(userId)
  const own = activities.filter(({ actor }) => actor === `integration:${id}`)
  expect(own.map(({ type }) => type).toSorted()).toEqual(types.toSorted())
  expect(own.map(({ severity }) => severity)).toEqual(types.map(() => 'critical'))
  expect(own.find(({ type }) => type === 'prompt_enrollment_opened')).toMatchObject({
    details: { permit, application: 'Payroll' },
  })
  expect(activities.find(({ type }) => type === 'device_added')?.severity).toBe('critical')
  const { items } = (await scene.service.api('GET', '/v1/audit-events')).json
  const [enrollment] = await scene.enrollmentsOf(userId)
  expect(items.find(({ subject }: { subject: string }) => subject === userId)).toMatchObject({
    type: 'prompt_enrollment_opened',
    actor: `integration:${id}`,
    details: { permit, enrollmentId: enrollment?.id },
  })
  const toldTypes = () =>
    sink.deliveries.flatMap(({ body }) =>
      body.data.userId === userId ? body.data.activityType : [],
    )
  await until('the endpoint has it', () => toldTypes().includes('device_added'))
  expect(toldTypes()).toEqual(expect.arrayContaining([...types]))
  await scene.service.api('DELETE', `/v1/webhook-endpoints/${endpoint.json.id}`)
})
