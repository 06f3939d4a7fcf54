import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Refusal, type RefusalCode, refuse } from '../../../src/domain/refusal.ts'
import { type ProblemCode, problems } from '../../../src/platform/http/problem-table.ts'
import { problemSchema } from '../../../src/platform/http/schemas/problem.ts'
import { anApp, anId, bearer } from './fixtures.ts'

const machineCodes = [
  'body_too_large',
  'unsupported_media_type',
  'headers_too_large',
  'request_timeout',
  'unavailable',
  'internal',
]
const refusalCodes = Object.keys(problems).filter(
  (code) => !machineCodes.includes(code),
) as RefusalCode[]

const url = `/v1/challenges/${anId('challenge')}/evidence`

let refusal: Refusal
let refusingApp: FastifyInstance

beforeAll(async () => {
  refusingApp = await anApp({ readEvidence: async () => refusal as Refusal<'not_found'> })
})
afterAll(() => refusingApp.close())

/** The answer of a route whose use case returns this. */
function answerTo(result: Refusal) {
  refusal = result
  return refusingApp.inject({ url, headers: bearer })
}

describe('a refusal', () => {
  it.each(refusalCodes)(
    '%s becomes a problem document with the status of the table',
    async (code) => {
      const answer = await answerTo(refuse(code))
      expect(answer.statusCode).toBe(problems[code].status)
      expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
      const body = problemSchema.parse(answer.json())
      expect(body).toMatchObject({
        type: `urn:countersign:problem:${code}`,
        status: answer.statusCode,
        code,
      })
    },
  )

  it('a refusal carries its hint, its facts and the time after which to try again', async () => {
    const answer = await answerTo(
      refuse('resend_too_soon', { hint: 'Wait.', facts: { limit: 3 }, retryAfterSeconds: 7 }),
    )
    expect(answer.json()).toMatchObject({ detail: 'Wait.', limit: 3 })
    expect(answer.headers['retry-after']).toBe('7')
  })

  it('a refusal cannot put a fact in the place of a standard member', async () => {
    const facts = { status: 200, code: 'fine', title: 't', type: 'about:blank', detail: 'd' }
    const answer = await answerTo(refuse('challenge_ended', { facts }))
    expect(answer.json()).toEqual((await answerTo(refuse('challenge_ended'))).json())
  })

  it.each([
    ['api_key_invalid', 'Bearer'],
    ['clock_skew', 'Device-Proof'],
  ] as const)('%s names the scheme by which to authenticate', async (code, scheme) => {
    const answer = await answerTo(refuse(code))
    expect(answer.headers['www-authenticate']).toBe(scheme)
  })
})

describe('an error', () => {
  const secret = 'password=hunter2'
  async function answerWhen(isUnavailable: boolean) {
    const readChallenge = async () => {
      throw Object.assign(new Error(secret), { statusCode: 418, headers: { 'x-leak': secret } })
    }
    await using app = await anApp({ readChallenge }, { isUnavailable: () => isUnavailable })
    return app.inject({ url, headers: bearer })
  }

  it('an error of an unavailable database is a 503 that says when to try again', async () => {
    const answer = await answerWhen(true)
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['retry-after']).toBe('1')
    expect(problemSchema.parse(answer.json()).code).toBe('unavailable')
  })

  it('of any other kind is a 500 that reveals nothing but the id of the request', async () => {
    const answer = await answerWhen(false)
    expect(answer.statusCode).toBe(500)
    expect(problemSchema.parse(answer.json()).code).toBe('internal')
    expect(answer.headers['request-id']).toMatch(/^[0-9a-f-]{36}$/)
    expect(JSON.stringify([answer.headers, answer.body])).not.toContain('hunter2')
  })
})

describe('an answer that does not match its own description', () => {
  it('an answer that does not match its own description is a 500 and is not sent', async () => {
    const readChallenge = async () => ({ challenge: { id: 'leak' } }) as never
    await using app = await anApp({ readChallenge })
    const answer = await app.inject({ url, headers: bearer })
    expect(answer.statusCode).toBe(500)
    expect(answer.body).not.toContain('leak')
  })
})

describe('the table of problems', () => {
  it('has texts that say what to do next for every code', () => {
    for (const code of Object.keys(problems) as ProblemCode[]) {
      expect(problems[code].title).toMatch(/\.$/)
      expect(problems[code].detail.length).toBeGreaterThan(10)
    }
  })
})
