import { describe, expect, it } from 'vitest'
import type { UseCases } from '../../src/service/bind-use-cases.ts'
import { anApp, anEnrollment, anId, at, bearer, principal } from '../platform/http/fixtures.ts'

const url = `/v1/enrollments/${anId('enrollment')}`
const uri = `https://countersign.example/t/${anId('tenant')}/enroll#code`

async function call(
  method: 'GET' | 'POST',
  path: string,
  useCases: Partial<UseCases>,
  payload?: object,
) {
  await using app = await anApp(useCases)
  return app.inject({ method, url: path, headers: bearer, ...(payload && { payload }) })
}

const shownEnrollment = {
  id: anId('enrollment'),
  userId: anId('user'),
  status: 'open',
  wrongNumbersLeft: 3,
  deviceId: null,
  createdAt: at.toISOString(),
  expiresAt: at.toISOString(),
  claimedAt: null,
  endedAt: null,
}

describe('opening an enrollment', () => {
  const commands: unknown[] = []
  const openEnrollment: UseCases['openEnrollment'] = async (_principal, command) => {
    commands.push(command)
    return { enrollment: anEnrollment(), code: '7K3QM-9TX2R', uri }
  }

  it('201 with the codes and a QR picture that contains the uri', async () => {
    const body = { user: 'ada', displayName: 'Ada', replacesDeviceId: anId('device') }
    const answer = await call('POST', '/v1/enrollments', { openEnrollment }, body)
    expect(answer.statusCode).toBe(201)
    const { qrSvg, ...rest } = answer.json()
    expect(rest).toEqual({
      id: anId('enrollment'),
      userId: anId('user'),
      status: 'open',
      code: '7K3QM-9TX2R',
      uri,
      expiresAt: at.toISOString(),
      confirmationRequired: true,
    })
    expect(qrSvg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
    expect(commands.at(-1)).toEqual(body)
  })

  it.each([undefined, {}, { replacesDeviceId: anId('device') }])(
    'for an existing user with the body %j',
    async (payload) => {
      const path = `/v1/users/${anId('user')}/enrollments`
      const openEnrollmentOfUser: UseCases['openEnrollmentOfUser'] = async (_caller, id, input) => {
        commands.push({ ...input, user: { id } })
        return { enrollment: anEnrollment(), code: '7K3QM-9TX2R', uri }
      }
      const answer = await call('POST', path, { openEnrollmentOfUser }, payload)
      expect(answer.statusCode).toBe(201)
      expect(commands.at(-1)).toEqual({ ...payload, user: { id: anId('user') } })
    },
  )

  it('opening an enrollment cannot name another user than the path does', async () => {
    const path = `/v1/users/${anId('user')}/enrollments`
    const answer = await call('POST', path, {}, { user: 'bob' })
    expect(answer.statusCode).toBe(400)
  })
})

describe('reading an enrollment', () => {
  it('200, waiting as long as requested', async () => {
    const waits: unknown[] = []
    const waitForEnrollment: UseCases['waitForEnrollment'] = async (asker, id, wait) => {
      waits.push([asker, id, wait])
      return { enrollment: anEnrollment(), status: 'open', number: null }
    }
    const answer = await call('GET', `${url}?wait=20`, { waitForEnrollment })
    expect(answer.json()).toEqual(shownEnrollment)
    await call('GET', url, { waitForEnrollment })
    await call('GET', `${url}?wait=30&after=claimed`, { waitForEnrollment })
    expect(waits).toEqual([
      [principal, anId('enrollment'), { waitMs: 20_000 }],
      [principal, anId('enrollment'), { waitMs: 0 }],
      [principal, anId('enrollment'), { waitMs: 30_000, after: 'claimed' }],
    ])
  })

  it('shows the number while it is claimed, and the reason when it is void', async () => {
    const enrollment = anEnrollment({ status: 'claimed', deviceId: anId('device'), claimedAt: at })
    const claimedReply = await call('GET', url, {
      waitForEnrollment: async () => ({ enrollment, status: 'claimed', number: '483920' }),
    })
    expect(claimedReply.json()).toEqual({
      ...shownEnrollment,
      status: 'claimed',
      number: '483920',
      deviceId: anId('device'),
      claimedAt: at.toISOString(),
    })
    const reason = 'number_tries_used_up'
    const voidReply = await call('GET', url, {
      waitForEnrollment: async () => ({
        enrollment: anEnrollment({ status: 'void', reason }),
        status: 'void',
        number: null,
      }),
    })
    expect(voidReply.json()).toEqual({ ...shownEnrollment, status: 'void', reason })
  })

  it('reports an expired one as expired, whatever its row says', async () => {
    const answer = await call('GET', url, {
      waitForEnrollment: async () => ({
        enrollment: anEnrollment(),
        status: 'expired',
        number: null,
      }),
    })
    expect(answer.json()).toMatchObject({ status: 'expired' })
  })
})

describe('cancelling an enrollment', () => {
  it('200 with the enrollment', async () => {
    const enrollment = anEnrollment({ status: 'cancelled', endedAt: at })
    const answer = await call('POST', `${url}/cancel`, {
      cancelEnrollment: async () => ({ enrollment, status: 'cancelled', number: null }),
    })
    expect(answer.json()).toEqual({
      ...shownEnrollment,
      status: 'cancelled',
      endedAt: at.toISOString(),
    })
  })
})
