// A name that nobody has cannot be told from one that somebody has.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { onServer } from '../support/cluster.ts'
import { statementCounts } from '../support/statement-counts.ts'
import { until } from '../support/until.ts'
import { type Browser, type EntranceScene, numberOf, openEntrance } from './entrance-scene.ts'

let scene: EntranceScene
beforeAll(async () => {
  scene = await openEntrance()
})
afterAll(() => scene.service[Symbol.asyncDispose]())

/** What the entrance itself ran since then: the question is asked apart from it. */
const entranceStatements = ['find_portal_entrance', 'find_portal_question', 'find_portal_session']

const changing = /^(date|set-cookie|content-length|request-id)$/

/** All that the browser sees, without what is random and new each time. */
async function seenBy(
  browser: Browser,
  act: Promise<{ status: number; headers: Headers; text: string }>,
) {
  const { status, headers, text } = await act
  const names = [...headers.keys()].filter((name) => !changing.test(name))
  const values = Object.fromEntries(names.map((name) => [name, headers.get(name)]))
  const cookies = headers.getSetCookie().map((one) => one.replace(/=[^;]*/, '='))
  const sizes = headers.getSetCookie().map((one) => one.length)
  const number = /class="code">\d{6}</
  const time = /datetime="[^"]+">[^<]+/
  return {
    ...{ status, values, cookies, sizes, length: text.length, jar: [...browser.jar.keys()] },
    text: text.replace(number, 'NUMBER').replace(time, 'TIME'),
  }
}

async function walk(name: string) {
  const before = await statementCounts(scene.service.origin)
  const { browser, answer } = await scene.begin(name)
  const views = [
    await seenBy(browser, Promise.resolve(answer)),
    await seenBy(browser, browser.read('/me/waiting')),
    await seenBy(browser, browser.post('/me/waiting')),
  ]
  const after = await statementCounts(scene.service.origin)
  const counts = entranceStatements.map((one) => (after[one] ?? 0) - (before[one] ?? 0))
  return { browser, views, counts }
}

describe('a name that nobody has', () => {
  test('gets the same statuses, headers, pages and statements as one that is asked', async () => {
    const phone = await scene.aPhone()
    const real = await walk(phone.user)
    await scene.questionAt(phone)
    const nobody = await walk('nobody.here')
    expect(nobody.views).toEqual(real.views)
    expect(nobody.counts).toEqual(real.counts)
    expect(real.counts).toEqual([1, 2, 0])
    expect(real.views.map(({ status }) => status)).toEqual([303, 200, 403])
  })

  test('and so do one whose owner denies it, types a wrong number, or may not be asked', async () => {
    const [denying, guessing] = [await scene.aPhone(), await scene.aPhone()]
    const suspendedPhone = await scene.aPhone()
    const path = `/v1/users/${suspendedPhone.userId}`
    expect((await scene.service.api('PATCH', path, { status: 'suspended' })).status).toBe(200)
    const nobody = await walk('nobody.else')
    const { browser } = await scene.begin(denying.user)
    await denying.client.deny(await scene.questionAt(denying))
    const other = (await scene.begin(guessing.user)).browser
    const request = await scene.questionAt(guessing)
    const number = (await numberOf(other)) === '000000' ? '111111' : '000000'
    await until('the question ends', async () => {
      await guessing.client.approve(request, number).catch(() => undefined)
      return (await scene.questionsOf(guessing.user))[0]?.status === 'denied'
    })
    const third = (await scene.begin(suspendedPhone.user)).browser
    for (const one of [browser, other, third]) {
      const view = await seenBy(one, one.read('/me/waiting'))
      expect(view).toEqual({ ...nobody.views[1], jar: view.jar })
    }
  })

  test('is answered before anybody is looked up, so that time shows nothing either', async () => {
    const phone = await scene.aPhone()
    await onServer(scene.service.database.url, async (client) => {
      await client.query('begin; lock table users, user_identifiers in access exclusive mode')
      const { answer } = await scene.begin(phone.user)
      expect(answer.status).toBe(303)
      await client.query('commit')
    })
    await scene.questionAt(phone)
  })
})
