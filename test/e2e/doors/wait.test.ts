import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startService } from '../../../src/service/compose.ts'
import { onServer } from '../../support/cluster.ts'
import {
  createWaitDoor,
  permitNone,
  questionsRead,
  questionTo,
  type TestDoor,
} from '../../support/doors.ts'
import { letTimePass } from '../../support/passing-time.ts'
import { freePort } from '../../support/ports.ts'
import {
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { until } from '../../support/until.ts'

let service: RunningService
let door: TestDoor
let users = 0
beforeAll(async () => {
  service = await startTestService()
  door = await createWaitDoor(service)
})
afterAll(() => service[Symbol.asyncDispose]())

/** A user of the test's own, with a phone. */
async function person(): Promise<Phone & { readonly name: string }> {
  const name = `user-${++users}`
  return { ...(await enrollPhone(service, { user: name })), name }
}

const number = '483920'
const challenges = async (userId: string) =>
  (await service.api('GET', `/v1/challenges?userId=${userId}`)).json.items
const verdict = ({ status, text }: { status: number; text: string }) => {
  const { code, reason } = text === '' ? { code: undefined, reason: undefined } : JSON.parse(text)
  return [status, code, reason]
}

describe('the status code reports the end of the challenge', () => {
  test('204 when the user approves with the number that the client shows', async () => {
    const { name, client, userId } = await person()
    const answer = door.ask({ username: name, number, ip: '203.0.113.7', host: 'bastion-1' })
    const request = await questionTo({ client } as Phone)
    expect(request.context).toEqual({
      relyingParty: 'Default',
      application: 'VPN',
      action: 'Sign in',
      ip: '203.0.113.7',
      fields: [{ label: 'Host', value: 'bastion-1' }],
    })
    await client.approve(request, number)
    expect(await answer).toMatchObject({ status: 204, text: '' })
    const [challenge] = await challenges(userId)
    expect(challenge).toMatchObject({ status: 'approved', numberMode: 'caller' })
    const { items } = (await service.api('GET', `/v1/users/${userId}/activities`)).json
    const activity = items.find(({ type }: { type: string }) => type === 'challenge_created')
    expect(activity.actor).toBe(`integration:${door.id}`)
  })

  test('401 with a text for RADIUS when the user denies', async () => {
    const phone = await person()
    const answer = door.ask({ username: phone.name, number })
    await phone.client.deny(await questionTo(phone))
    const { status, headers, text } = await answer
    expect([status, headers.get('content-type')]).toEqual([401, 'application/json; charset=utf-8'])
    expect(JSON.parse(text)).toEqual({ 'Reply-Message': 'The sign-in was denied.' })
  })

  test('the same 401 when the user reports, so that a thief learns nothing', async () => {
    const phone = await person()
    const answer = door.ask({ username: phone.name, number })
    await phone.client.report(await questionTo(phone))
    const { status, text } = await answer
    expect([status, JSON.parse(text)]).toEqual([
      401,
      { 'Reply-Message': 'The sign-in was denied.' },
    ])
  })

  test('and when the number is wrong too often', async () => {
    const phone = await person()
    const answer = door.ask({ username: phone.name, number })
    const request = await questionTo(phone)
    for (const wrong of ['000000', '111111', '222222']) {
      await phone.client.approve(request, wrong).catch(() => 'refused')
    }
    expect((await answer).status).toBe(401)
  })

  test('504 when nobody answers in time', async () => {
    const phone = await person()
    const answer = door.ask({ username: phone.name, number })
    await questionTo(phone)
    await onServer(service.database.url, (client) =>
      letTimePass((sql, values) => client.query(sql, values), phone.userId, 600),
    )
    expect(verdict(await answer)).toEqual([504, 'sign_in_expired', undefined])
  })

  test('404 when there is no such user', async () => {
    expect(verdict(await door.ask({ username: 'nobody', number }))).toEqual([
      404,
      'user_not_found',
      undefined,
    ])
    await until('the admins see it', async () => {
      const { lastError } = await door.read()
      return lastError?.code === 'user_not_found'
    })
  })

  test('403 when the user has no device, is suspended, or has too many challenges', async () => {
    await service.api('POST', '/v1/users', { displayName: 'x', identifiers: ['phoneless'] })
    expect(verdict(await door.ask({ username: 'phoneless', number }))).toEqual([
      403,
      'sign_in_refused',
      'no_capable_device',
    ])
    const phone = await person()
    await service.api('PATCH', `/v1/users/${phone.userId}`, { status: 'suspended' })
    expect(verdict(await door.ask({ username: phone.name, number }))).toEqual([
      403,
      'sign_in_refused',
      'user_suspended',
    ])
    const busy = await person()
    for (let pending = 0; pending < 3; pending++) {
      await service.api('POST', '/v1/challenges', { user: busy.name })
    }
    const refusal = await door.ask({ username: busy.name, number })
    expect(verdict(refusal)).toEqual([403, 'sign_in_refused', 'too_many_pending'])
    expect(JSON.parse(refusal.text).otherFactors).toEqual(['passcode'])
    expect(Number(refusal.headers.get('retry-after'))).toBeGreaterThan(0)
  })
})

describe('the number', () => {
  test('is extracted from the message that the user sees, and masked where the device shows it', async () => {
    const phone = await person()
    const answer = door.ask({ username: phone.name, message: 'Type 483 then 483920.' })
    const request = await questionTo(phone)
    expect(JSON.stringify(request.context)).not.toContain(number)
    await phone.client.approve(request, number)
    expect((await answer).status).toBe(204)
  })

  test.each([
    ['no number', {}],
    ['a message without digits', { message: 'Look at your phone' }],
    ['a message with two numbers', { message: '483920 or 112233' }],
  ])('of a challenge with %s is required', async (_, body) => {
    const phone = await person()
    expect(verdict(await door.ask({ username: phone.name, ...body }))).toEqual([
      403,
      'sign_in_refused',
      'caller_number_missing',
    ])
    expect(await challenges(phone.userId)).toEqual([])
  })

  test('is given once: together with a message, which may show other digits, it is refused', async () => {
    const phone = await person()
    for (const message of ['Type 112233 on your phone', `Type ${number}`, 'Look at your phone']) {
      const refusal = await door.ask({ username: phone.name, number, message })
      expect([refusal.status, JSON.parse(refusal.text)]).toMatchObject([
        400,
        { code: 'invalid_request', errors: [{ message: expect.stringContaining('not both') }] },
      ])
    }
    expect(await challenges(phone.userId)).toEqual([])
  })

  test('is optional only while the policy of the tenant names the integration', async () => {
    const openDoor = await createWaitDoor(service)
    await permitNone(service, openDoor)
    const phone = await person()
    const answer = openDoor.ask({ username: phone.name })
    await phone.client.approve(await questionTo(phone), null)
    expect((await answer).status).toBe(204)
    expect(await challenges(phone.userId)).toMatchObject([{ numberMode: 'none' }])
    await service.api('PATCH', '/v1/policy', { numberNoneAllowedFor: [] })
    expect(verdict(await openDoor.ask({ username: phone.name }))).toEqual([
      403,
      'sign_in_refused',
      'number_none_not_allowed',
    ])
  })

  test('of an integration is not covered by the permission of its relying party', async () => {
    const [{ id }] = (await service.api('GET', '/v1/relying-parties')).json.items
    const plain = await createWaitDoor(service)
    await service.api('PATCH', '/v1/policy', { profile: 'compat', numberNoneAllowedFor: [id] })
    await onServer(service.database.url, (client) =>
      client.query(`update integrations set number_mode = 'none' where id = $1`, [plain.id]),
    )
    const phone = await person()
    expect(verdict(await plain.ask({ username: phone.name }))[2]).toBe('number_none_not_allowed')
    await service.api('PATCH', '/v1/policy', { numberNoneAllowedFor: [] })
  })

  test('has as many digits as the integration requires, beyond its relying party’s', async () => {
    const strict = await createWaitDoor(service, { policy: { numberDigits: 8 } })
    const phone = await person()
    const short = await strict.ask({ username: phone.name, number })
    expect(verdict(short)).toEqual([403, 'sign_in_refused', 'number_too_short'])
  })
})

describe('who is let in', () => {
  test('by bearer or by basic authentication', async () => {
    const basic = Buffer.from(`${door.id}:${door.secret}`).toString('base64')
    const reply = await door.ask(
      { username: 'nobody', number },
      { headers: { authorization: `Basic ${basic}` } },
    )
    expect(reply.status).toBe(404)
  })

  test('nobody with a wrong, missing or foreign secret; unknown integrations answer with the same bytes', async () => {
    const other = await createWaitDoor(service)
    const duo = await service.api('POST', '/v1/integrations', {
      relyingPartyId: (await service.api('GET', '/v1/relying-parties')).json.items[0].id,
      name: 'x',
      settings: { kind: 'duo_auth_api' },
    })
    const replies: string[] = []
    for (const [id, authorization] of [
      [door.id, 'Bearer wrong'],
      [door.id, `Bearer ${other.secret}`],
      [door.id, ''],
      [door.id, `Basic ${Buffer.from(`${other.id}:${door.secret}`).toString('base64')}`],
      ['int_01jv9z3k8we2tvn4qh6yrx7b5c', `Bearer ${door.secret}`],
      ['nonsense', `Bearer ${door.secret}`],
      [duo.json.id, `Bearer ${duo.json.secret}`],
    ]) {
      const response = await fetch(`${service.origin}/integrations/wait/${id}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
        body: JSON.stringify({ username: 'alice', number }),
      })
      expect(response.headers.get('www-authenticate')).toBe('Bearer')
      replies.push(`${response.status} ${await response.text()}`)
    }
    expect(new Set(replies).size).toBe(1)
    expect(replies[0]).toContain('"integration_invalid"')
  })

  test('only from the allowed addresses of the integration', async () => {
    const boundDoor = await createWaitDoor(service, { allowedAddresses: ['192.0.2.0/24'] })
    const refusal = await boundDoor.ask({ username: 'alice', number })
    expect(verdict(refusal)).toEqual([403, 'address_not_allowed', undefined])
    await boundDoor.change({ allowedAddresses: ['127.0.0.0/8'] })
    expect((await boundDoor.ask({ username: 'nobody', number })).status).toBe(404)
  })

  test('only users of the namespace, by names that match the mapping', async () => {
    const mappedDoor = await createWaitDoor(service, {
      userNames: { domain: 'suffix', domains: ['example.com'], lowerCase: true },
    })
    const phone = await person()
    const answer = mappedDoor.ask({ username: `${phone.name.toUpperCase()}@EXAMPLE.com`, number })
    await phone.client.deny(await questionTo(phone))
    expect((await answer).status).toBe(401)
    for (const username of [phone.name, `${phone.name}@evil.example`]) {
      expect((await mappedDoor.ask({ username, number })).status).toBe(404)
    }
  })

  test('the old secret as well as the new one until the overlap is over', async () => {
    const rotatedDoor = await createWaitDoor(service)
    const rotate = (overlapSeconds: number) =>
      service.api('POST', `/v1/integrations/${rotatedDoor.id}/rotate`, { overlapSeconds })
    const next = (await rotate(60)).json.secret
    const status = async (secret: string) =>
      (
        await rotatedDoor.ask(
          { username: 'nobody', number },
          { headers: { authorization: `Bearer ${secret}` } },
        )
      ).status
    expect([await status(rotatedDoor.secret), await status(next)]).toEqual([404, 404])
    const last = (await rotate(0)).json.secret
    expect([await status(rotatedDoor.secret), await status(next), await status(last)]).toEqual([
      401, 401, 404,
    ])
  })
})

describe('an abandoned challenge is cancelled', () => {
  test('when the client hangs up', async () => {
    const phone = await person()
    const client = new AbortController()
    const answer = door.ask({ username: phone.name, number }, { signal: client.signal })
    const request = await questionTo(phone)
    client.abort()
    await expect(answer).rejects.toThrow()
    await until('it is cancelled', async () => {
      const [{ status }] = await challenges(phone.userId)
      return status === 'cancelled'
    })
    await expect(phone.client.approve(request, number)).rejects.toThrow()
  })

  test.each([
    [
      'paused',
      (id: string) => service.api('PATCH', `/v1/integrations/${id}`, { status: 'paused' }),
    ],
    ['removed', (id: string) => service.api('DELETE', `/v1/integrations/${id}`)],
  ])(
    'when the integration is %s by another process meanwhile, within a second',
    async (_, call) => {
      const port = await freePort()
      const log = pino({ level: 'silent' })
      const second = await startService({ ...service.config, port }, service.origin, log)
      try {
        const impatientDoor = await createWaitDoor(service)
        const phone = await person()
        const origin = `http://127.0.0.1:${port}`
        const answer = impatientDoor.ask({ username: phone.name, number }, { origin })
        await questionTo(phone)
        expect((await call(impatientDoor.id)).status).toBeLessThan(300)
        expect((await answer).status).toBe(403)
        expect(await challenges(phone.userId)).toMatchObject([{ status: 'cancelled' }])
        const late = await impatientDoor.ask({ username: phone.name, number }, { origin })
        expect([401, 403]).toContain(late.status)
      } finally {
        await second.stop()
      }
    },
  )

  test('not when it named its attempt: a repeated request joins the question', async () => {
    const phone = await person()
    const headers = { 'idempotency-key': '0x41a7' }
    const body = { username: phone.name, number }
    const client = new AbortController()
    const before = await questionsRead(service)
    const firstAnswer = door.ask(body, { headers, signal: client.signal })
    const request = await questionTo(phone)
    const secondAnswer = door.ask(body, { headers })
    await until('it has joined', async () => (await questionsRead(service)) === before + 2)
    client.abort()
    await expect(firstAnswer).rejects.toThrow()
    await phone.client.approve(request, number)
    expect((await secondAnswer).status).toBe(204)
    expect(await challenges(phone.userId)).toHaveLength(1)
    expect((await door.ask(body, { headers })).status).toBe(401)
    expect(await challenges(phone.userId)).toHaveLength(1)
    const other = { ...body, number: '111111' }
    expect(verdict(await door.ask(other, { headers }))).toEqual([
      403,
      'sign_in_refused',
      'idempotency_key_reused',
    ])
    const another = await createWaitDoor(service)
    const theirs = another.ask(body, { headers })
    await phone.client.deny(await questionTo(phone))
    expect((await theirs).status).toBe(401)
    expect(await challenges(phone.userId)).toHaveLength(2)
  })

  test('when the service stops: 503, and nothing is decided', async () => {
    await using own = await startTestService()
    const phone = await enrollPhone(own)
    const { ask } = await createWaitDoor(own)
    const answer = ask({ username: 'alice', number })
    await questionTo(phone)
    const restart = own.restart()
    expect(verdict(await answer)).toEqual([503, 'unavailable', undefined])
    await restart
    const { items } = (await own.api('GET', '/v1/challenges')).json
    expect(items).toMatchObject([{ status: 'cancelled' }])
  })
})

test('uses are counted off the hot path', async () => {
  const countedDoor = await createWaitDoor(service)
  await Promise.all(
    Array.from({ length: 20 }, () => countedDoor.ask({ username: 'nobody', number })),
  )
  await until('all uses are recorded', async () => (await countedDoor.read()).uses === 20)
  expect((await countedDoor.read()).lastUsedAt).not.toBeNull()
})
