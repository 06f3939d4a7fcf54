import { Writable } from 'node:stream'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { refuse } from '../../../src/domain/refusal.ts'
import { loggerOptions, type Observation } from '../../../src/platform/http/logging.ts'
import type { UseCases } from '../../../src/service/bind-use-cases.ts'
import { until } from '../../support/until.ts'
import { aChallenge, anApp, anId, aReading, bearer, principal } from './fixtures.ts'

/** A logger that stores its lines. */
function keepingLogger() {
  const lines: string[] = []
  const target = new Writable({
    write(line, _encoding, callback) {
      lines.push(String(line))
      callback()
    },
  })
  return { lines, logger: pino(loggerOptions('debug'), target) }
}

async function linesOf(useCases: Partial<UseCases>, ...requests: object[]) {
  const { lines, logger } = keepingLogger()
  await using app = await anApp(useCases, { logger })
  for (const request of requests) await app.inject(request)
  await until('a line for each request', () => lines.length >= requests.length)
  return lines
}

const url = `/v1/challenges/${anId('challenge')}`

describe('the log', () => {
  it('is unaltered JSON, in which nothing moves the cursor, hides or reorders', () => {
    const { lines, logger } = keepingLogger()
    const hostileText = 'a\u001b[2J\u009b2J\u007f\u202e\u2028\nb'
    logger.error({ err: new Error(hostileText), path: hostileText }, hostileText)
    logger.child({ who: hostileText }).info('ü 👩‍💻')
    expect(lines.join('')).not.toMatch(/[[\p{Cc}\p{Zl}\u202e]--[\n]]/v)
    expect(lines.join('').match(/\n/g)).toHaveLength(2)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      msg: hostileText,
      path: hostileText,
      err: { message: hostileText },
    })
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({ who: hostileText, msg: 'ü 👩‍💻' })
    expect(lines[1]).toContain('ü 👩‍💻')
  })

  it('the log has one line per request, which names route, outcome and caller', async () => {
    const useCases = { readChallenge: async () => aReading() }
    const lines = await linesOf(useCases, { url: `${url}?wait=0`, headers: bearer })
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      method: 'GET',
      route: '/v1/challenges/:id',
      status: 200,
      ms: expect.any(Number),
      tenantId: principal.tenantId,
      rpId: principal.rpId,
      keyId: principal.keyId,
      msg: 'request',
    })
  })

  it('the log names the device of a device call', async () => {
    const useCases = { readSelf: async () => refuse('device_unregistered') }
    const request = { url: '/device/v1/self', headers: { 'device-proof': 'p' } }
    const [line = ''] = await linesOf(useCases, request)
    expect(JSON.parse(line)).toMatchObject({
      tenantId: anId('tenant'),
      deviceId: anId('device'),
      status: 403,
    })
  })

  it('the log does not repeat unknown addresses', async () => {
    const [line = ''] = await linesOf({}, { url: '/canary-path?canary=1' })
    expect(JSON.parse(line)).toMatchObject({ route: 'none', status: 404 })
    expect(line).not.toContain('canary')
  })

  it('the log has an unknown error whole, with the id that the caller received', async () => {
    const cause = new Error('the cause')
    const useCases = {
      readChallenge: async () => {
        throw Object.assign(new Error('it broke', { cause }), { code: '23505' })
      },
    }
    const { lines, logger } = keepingLogger()
    await using app = await anApp(useCases, { logger })
    const answer = await app.inject({ url, headers: bearer })
    const error = await until('the error', () =>
      lines.map((line) => JSON.parse(line)).find(({ level }) => level === 'error'),
    )
    expect(error).toMatchObject({
      requestId: answer.headers['request-id'],
      problem: 'internal',
      err: { message: expect.stringContaining('it broke'), errorCode: '23505' },
    })
    expect(error.err.stack).toContain('the cause')
  })

  it('has message and place of an error, and nothing that a library attaches to it', () => {
    const { lines, logger } = keepingLogger()
    const client = { secretKey: 'CANARY', queries: ['select CANARY'] }
    const error = Object.assign(new Error('terminated'), { code: '57P01', severity: 'FATAL' })
    logger.warn({ err: Object.assign(error, { client, detail: 'Key (a)=(CANARY)' }) }, 'lost')
    const inner = Object.assign(new Error('inner words'), { client })
    logger.warn({ err: new AggregateError([inner], 'several') }, 'lost')
    logger.warn({ err: { message: 'no error', client } }, 'lost')
    const [one, several, none] = lines.map((line) => JSON.parse(line).err)
    expect(one).toEqual({
      type: 'Error',
      message: 'terminated',
      stack: expect.stringContaining('terminated'),
      severity: 'FATAL',
      errorCode: '57P01',
    })
    expect(several).toMatchObject({ message: 'several', errors: ['inner words'] })
    expect(none).toEqual({ message: '[object Object]' })
    expect(lines.join('')).not.toContain('CANARY')
  })

  it('the log has no secret of any request or answer', async () => {
    const canary = 'CANARY'
    const number = '735912'
    const useCases: Partial<UseCases> = {
      createChallenge: async () => ({
        challenge: aChallenge(),
        number,
        isReplay: false,
        otherFactors: [],
      }),
      createApiKey: async () => refuse('relying_party_unknown', { facts: { canary } }),
      confirmEnrollment: async () => refuse('wrong_number', { facts: { wrongNumbersLeft: 1 } }),
      claimEnrollment: async () => refuse('enrollment_code_invalid'),
      answerChallenge: async () => refuse('answer_invalid', { facts: { claim: 'nonce' } }),
      rotatePushToken: async () => undefined,
      listUsers: async () => [],
    }
    const device = { 'device-proof': `${canary}.proof.jws` }
    const post = { method: 'POST', headers: { ...bearer, ...device } }
    const requests = [
      { ...post, url: '/v1/challenges', payload: { user: canary, binding: canary.repeat(4) } },
      { ...post, url: '/v1/challenges', payload: { user: canary, [canary]: canary } },
      { ...post, url: '/v1/api-keys', payload: { relyingPartyId: principal.rpId, name: canary } },
      { ...post, url: '/device/v1/enrollments/confirm', payload: { number } },
      { ...post, url: '/device/v1/enrollments/claim', payload: { code: canary.repeat(4) } },
      {
        ...post,
        url: `/device/v1/challenges/${anId('challenge')}/answer`,
        payload: { answer: `${canary}.b.c` },
      },
      {
        ...post,
        method: 'PUT',
        url: '/device/v1/push-token',
        payload: { push: { provider: 'fcm', token: canary.repeat(8) } },
      },
      { url: `/v1/users?identifier=${canary}`, headers: { authorization: `Bearer ${canary}` } },
      { url: `/v1/users?canary=${canary}`, headers: bearer },
      { ...post, url: '/v1/users', payload: `{"${canary}":` },
    ]
    const lines = await linesOf(useCases, ...requests)
    expect(lines).toHaveLength(requests.length)
    expect(lines.join('')).not.toContain(canary)
    expect(lines.join('')).not.toContain(number)
  })

  it('has no secret even when one is logged by mistake', () => {
    const { lines, logger } = keepingLogger()
    const secrets = {
      authorization: 'CANARY',
      'device-proof': 'CANARY',
      number: 'CANARY',
      code: 'CANARY',
      token: 'CANARY',
      secret: 'CANARY',
      uri: 'CANARY',
      jws: 'CANARY',
    }
    logger.info(secrets)
    logger.info({ body: secrets })
    logger.info({ request: { headers: secrets } })
    logger.info({ req: { body: secrets }, headers: secrets })
    expect(lines.join('')).not.toContain('CANARY')
    expect(lines.join('').match(/\[redacted\]/g)).toHaveLength(40)
  })
})

describe('a request observation', () => {
  it('a request observation has the pattern of the route, never the address', async () => {
    const observations: Observation[] = []
    await using app = await anApp(
      { readChallenge: async () => aReading() },
      { onRequestObserved: (one) => observations.push(one) },
    )
    await app.inject({ url, headers: bearer })
    await app.inject('/v2/nothing')
    await until('both', () => observations.length === 2)
    expect(observations).toEqual([
      { method: 'GET', route: '/v1/challenges/:id', status: 200, ms: expect.any(Number) },
      { method: 'GET', route: 'none', status: 404, ms: expect.any(Number) },
    ])
  })
})
