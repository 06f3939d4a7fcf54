// Entering the portal by a device of one's own, as a person does it and as others try to.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApiFile } from '../support/openapi-file.ts'
import { challengeOf, type Phone } from '../support/running-service.ts'
import { until } from '../support/until.ts'
import { aBrowser, type EntranceScene, numberOf, openEntrance } from './entrance-scene.ts'
import { cookieFor } from './portal-visit.ts'

let scene: EntranceScene
beforeAll(async () => {
  scene = await openEntrance()
})
afterAll(() => scene.service[Symbol.asyncDispose]())

describe('a person', () => {
  test('types a name, then the number on a phone, and is in; going on opens one session', async () => {
    const phone = await scene.aPhone()
    const { browser, answer } = await scene.begin(phone.user)
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/me/waiting'])
    const request = await scene.questionAt(phone)
    expect(request).toMatchObject({ userVerification: 'required', numberDigits: 6 })
    await phone.client.approve(request, await numberOf(browser))
    expect((await browser.read('/me/waiting')).text).toContain('It is approved')
    expect((await browser.read('/me/waiting')).text).toContain('It is approved')
    const presses = Array.from({ length: 10 }, () => browser.post('/me/waiting'))
    const statuses = (await Promise.all(presses)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 303)).toEqual([303])
    expect(new Set(statuses)).toEqual(new Set([303, 403]))
  })

  test('sees what the session may do, and what it may not', async () => {
    const phone = await scene.aPhone({ name: 'Kept phone' })
    const browser = await scene.enter(phone)
    const { status, text } = await browser.read('/me')
    expect(status).toBe(200)
    expect(text).toContain('You signed in with a device.')
    expect(text).toContain('Kept phone')
    expect(text).not.toContain('href="/me/codes"')
    const settings = await browser.read(`/me/devices/${phone.deviceId}/settings`)
    expect(settings.text).toContain('Suspend this device')
    expect(settings.text).not.toContain('Save the name')
    for (const place of ['/me/sign-ins', '/me/activities']) {
      const page = await browser.read(place)
      expect(page.status).toBe(200)
      expect(page.text).not.toContain('This wasn’t me')
    }
    const types = await scene.service.api('GET', `/v1/users/${phone.userId}/activities`)
    expect(types.json.items[0]).toMatchObject({ type: 'portal_opened', deviceId: phone.deviceId })
  })

  test('ends a lost phone by another one, and reads that it is done', async () => {
    const lostPhone = await scene.aPhone({ user: 'two.phones' })
    const keptPhone = await scene.aPhone({ user: 'two.phones' })
    const browser = await scene.enter(keptPhone)
    const ending = await browser.post(`/me/devices/${lostPhone.deviceId}`, { reason: 'lost' })
    expect(ending.status).toBe(303)
    await expect(lostPhone.client.self()).rejects.toMatchObject({ code: 'device_unregistered' })
    expect((await browser.post(`/me/devices/${keptPhone.deviceId}/suspend`)).status).toBe(303)
    const { text } = await browser.read(`/me/devices/${keptPhone.deviceId}/settings`)
    expect(text).toContain('It is suspended')
  })

  test('does everything in the same browser after opening a link', async () => {
    const phone = await scene.aPhone()
    const browser = await scene.enter(phone)
    expect((await browser.read('/me/codes')).status).toBe(403)
    const [name = '', value = ''] = (await cookieFor(scene.service, phone.userId)).split('=')
    browser.jar.set(name, value)
    expect((await browser.read('/me/codes')).status).toBe(200)
  })
})

describe('a session that a device opened', () => {
  const mayDo = [
    'closePortal',
    'listPortalActivities',
    'listPortalChallenges',
    'listPortalDevices',
    'readPortalActivitiesPage',
    'readPortalDevicePage',
    'readPortalDeviceSettingsPage',
    'readPortalPage',
    'readPortalPushes',
    'readPortalSignInsPage',
    'readPortalUser',
    'signOutOfPortal',
    'suspendFromPortal',
    'suspendFromPortalPage',
    'unregisterFromPortal',
    'unregisterFromPortalPage',
  ]

  test('may look, suspend and end, and is refused by every other route of the portal', async () => {
    const phone = await scene.aPhone()
    const browser = await scene.enter(phone)
    const cookie = [...browser.jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const before = await scene.query('select id from activities where user_id = $1', [phone.userId])
    const refused: string[] = []
    for (const [path, methods] of Object.entries(openApiFile.paths)) {
      for (const [method, operation] of Object.entries(methods as Record<string, Described>)) {
        if (!JSON.stringify(operation.security ?? []).includes('portalSession')) continue
        if (mayDo.includes(operation.operationId)) continue
        const answer = await fetch(scene.service.origin + path.replace('{id}', 'made-up'), {
          method: method.toUpperCase(),
          headers: { cookie, 'sec-fetch-site': 'same-origin' },
        })
        const { code } = (await answer.json()) as { readonly code: string }
        expect([operation.operationId, code]).toEqual([operation.operationId, 'portal_link_needed'])
        refused.push(operation.operationId)
      }
    }
    expect(refused.length).toBeGreaterThan(25)
    const after = await scene.query('select id from activities where user_id = $1', [phone.userId])
    expect(after).toEqual(before)
  })

  test('is over when its device is ended or suspended by somebody else', async () => {
    for (const [method, path, body] of [
      ['POST', '/unregister', { reason: 'stolen' }],
      ['PATCH', '', { status: 'suspended' }],
    ] as const) {
      const phone = await scene.aPhone()
      const browser = await scene.enter(phone)
      expect((await browser.read('/me')).status).toBe(200)
      const ending = await scene.service.api(method, `/v1/devices/${phone.deviceId}${path}`, body)
      expect(ending.status).toBe(200)
      expect((await browser.read('/me')).status).toBe(401)
    }
  })
})

type Described = { readonly operationId: string; readonly security?: readonly object[] }

describe('without the policy', () => {
  test('there is no such page, and nothing is begun', async () => {
    const policy = (portalSignIn: string) =>
      scene.service.api('PATCH', '/v1/policy', { portalSignIn })
    const phone = await scene.aPhone()
    const { browser } = await scene.begin(phone.user)
    const request = await scene.questionAt(phone)
    const number = await numberOf(browser)
    await policy('link')
    try {
      const other = aBrowser(scene.service)
      expect((await other.read(scene.path)).status).toBe(404)
      expect((await other.post(scene.path, { name: phone.user })).status).toBe(404)
      expect(other.jar.size).toBe(0)
      await phone.client.approve(request, number)
      expect((await browser.post('/me/waiting')).status).toBe(404)
    } finally {
      await policy('link_or_device')
    }
  })
})

describe('nobody enters', () => {
  test('in a browser that did not begin it, with what it began itself or made up', async () => {
    const [phone, mine] = [await scene.aPhone(), await scene.aPhone()]
    const { browser } = await scene.begin(phone.user)
    const thief = (await scene.begin(mine.user)).browser
    await phone.client.approve(await scene.questionAt(phone), await numberOf(browser))
    expect((await thief.post('/me/waiting')).status).toBe(403)
    const nobody = aBrowser(scene.service)
    expect((await nobody.post('/me/waiting')).status).toBe(404)
    const [name = '', value = ''] = [...browser.jar].find(([one]) => one.endsWith('sign-in')) ?? []
    for (const other of [value.slice(2), `${value}A`, value.replace(/^./, '_'), 'x', '']) {
      nobody.jar.set(name, other)
      expect((await nobody.post('/me/waiting')).status).toBe(404)
    }
    expect((await browser.post('/me/waiting')).status).toBe(303)
  })

  test('from another site, which neither begins nor goes on', async () => {
    const phone = await scene.aPhone()
    const { browser } = await scene.begin(phone.user)
    await phone.client.approve(await scene.questionAt(phone), await numberOf(browser))
    for (const site of ['cross-site', 'same-site', 'none']) {
      expect((await browser.post('/me/waiting', {}, site)).status).toBe(403)
      expect((await browser.post(scene.path, { name: phone.user }, site)).status).toBe(403)
    }
    expect((await browser.read('/me/waiting', 'cross-site')).status).toBe(403)
    expect((await browser.read(scene.path, 'cross-site')).status).toBe(200)
  })

  test('when the device is suspended or ended, or the person suspended, before going on', async () => {
    const acts: readonly ((phone: { deviceId: string; userId: string }) => Promise<unknown>)[] = [
      ({ deviceId }) =>
        scene.service.api('PATCH', `/v1/devices/${deviceId}`, { status: 'suspended' }),
      ({ deviceId }) =>
        scene.service.api('POST', `/v1/devices/${deviceId}/unregister`, { reason: 'stolen' }),
      ({ userId }) => scene.service.api('PATCH', `/v1/users/${userId}`, { status: 'suspended' }),
    ]
    for (const act of acts) {
      const phone = await scene.aPhone()
      const { browser } = await scene.begin(phone.user)
      await phone.client.approve(await scene.questionAt(phone), await numberOf(browser))
      await act(phone)
      expect((await browser.post('/me/waiting')).status).toBe(403)
    }
  })

  test('by a question of the relying party itself, or without verification of the person', async () => {
    const phone = await scene.aPhone()
    const { browser } = await scene.begin(phone.user)
    await phone.client.approve(await scene.questionAt(phone), await numberOf(browser))
    const [question] = await scene.questionsOf(phone.user)
    await scene.query(`update challenges set user_verification = 'preferred' where id = $1`, [
      question?.id,
    ])
    expect((await browser.post('/me/waiting')).status).toBe(403)
  })
})

describe('no question goes to', () => {
  test('a device of less than a day, one that verifies nobody, or one that is suspended', async () => {
    const user = 'many.phones'
    const young = await scene.aPhone({ user, hours: 23 })
    const plain = await scene.aPhone({ user, verification: false })
    const suspendedPhone = await scene.aPhone({ user })
    const path = `/v1/devices/${suspendedPhone.deviceId}`
    expect((await scene.service.api('PATCH', path, { status: 'suspended' })).status).toBe(200)
    const askedPhone = await scene.aPhone({ user })
    await scene.begin(user)
    const { challengeId } = await scene.questionAt(askedPhone)
    expect((await young.client.pending()).requests).toEqual([])
    expect((await plain.client.pending()).requests).toEqual([])
    await expect(suspendedPhone.client.pending()).rejects.toMatchObject({
      code: 'device_suspended',
    })
    const isPushed = ({ pushes }: Pick<Phone, 'pushes'>) =>
      pushes.some((push) => challengeOf(push) === challengeId)
    await until('the phone is pushed', () => isPushed(askedPhone))
    expect([young, plain, suspendedPhone].map(isPushed)).toEqual([false, false, false])
  })

  test('anybody beyond the budget of unknown initiators, and the owner’s own is left alone', async () => {
    const phone = await scene.aPhone()
    const initiator = { browserId: 'A'.repeat(22) }
    const ask = () => scene.service.api('POST', '/v1/challenges', { user: phone.user, initiator })
    const own = await ask()
    const request = await scene.questionAt(phone)
    await phone.client.approve(request, own.json.number)
    for (let at = 0; at < 12; at++) {
      const { answer } = await scene.begin(phone.user)
      expect(answer.status).toBe(303)
    }
    const marker = await scene.aPhone()
    await scene.begin(marker.user)
    await scene.questionAt(marker)
    const questions = await scene.questionsOf(phone.user)
    expect(questions.filter(({ status }) => status === 'pending').length).toBe(3)
    expect(phone.pushes.length).toBeLessThanOrEqual(2)
    const again = await ask()
    expect(again.json).toMatchObject({ deliveryMode: 'push' })
  })
})
