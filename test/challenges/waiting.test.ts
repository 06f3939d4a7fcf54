import { connect } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { describe, expect, it } from 'vitest'
import type { ChallengeReading } from '../../src/challenges/read-challenge.ts'
import { refuse } from '../../src/domain/refusal.ts'
import type { Observation } from '../../src/platform/http/logging.ts'
import type { UseCases } from '../../src/service/bind-use-cases.ts'
import {
  aChallenge,
  anApp,
  anEnrollment,
  anId,
  aReading,
  bearer,
} from '../platform/http/fixtures.ts'
import { until } from '../support/until.ts'

const one = `/v1/challenges/${anId('challenge')}`

async function listen(app: FastifyInstance): Promise<number> {
  await app.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.address()
  if (typeof address !== 'object' || address === null) throw new Error('not listening')
  return address.port
}

/** Waits as the use cases do: until the wait is over, or until the client is gone. */
function waitingUntil(over: () => boolean) {
  const record = { started: 0, aborted: 0 }
  const wait = async (isAborted: (() => boolean) | undefined) => {
    record.started += 1
    await until('the end of the wait', () => over() || isAborted?.())
    if (isAborted?.()) record.aborted += 1
  }
  return { record, wait }
}

describe('a long poll', () => {
  const polls: [
    string,
    string,
    (wait: (a?: () => boolean) => Promise<void>) => Partial<UseCases>,
  ][] = [
    [
      'for a challenge',
      `GET ${one}?wait=30 HTTP/1.1\r\n`,
      (wait) => ({
        waitForChallenge: async (_principal, _id, _waitMs, isAborted) => {
          await wait(isAborted)
          return aReading()
        },
      }),
    ],
    [
      'for an enrollment',
      `GET /v1/enrollments/${anId('enrollment')}?wait=30 HTTP/1.1\r\n`,
      (wait) => ({
        waitForEnrollment: async (_principal, _id, _waitMs, isAborted) => {
          await wait(isAborted)
          return { enrollment: anEnrollment(), status: 'open', number: null }
        },
      }),
    ],
    [
      'that creates first',
      'POST /v1/challenges?wait=30 HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 14\r\n',
      (wait) => ({
        createChallenge: async () => ({ challenge: aChallenge(), number: null, isReplay: false }),
        waitForChallenge: async (_principal, _id, _waitMs, isAborted) => {
          await wait(isAborted)
          return aReading()
        },
      }),
    ],
  ]

  it.each(polls)('%s ends when the client goes away', async (_what, head, useCases) => {
    const { record, wait } = waitingUntil(() => false)
    const observations: Observation[] = []
    await using app = await anApp(useCases(wait), {
      onRequestObserved: (one) => observations.push(one),
    })
    const socket = connect(await listen(app), '127.0.0.1')
    const body = head.startsWith('POST') ? '{"user":"ada"}' : ''
    socket.write(`${head}Host: x\r\nAuthorization: ${bearer.authorization}\r\n\r\n${body}`)
    await until('the wait', () => record.started === 1)
    socket.destroy()
    await until('the end of the wait', () => record.aborted === 1)
    expect(await until('the line', () => observations[0])).toMatchObject({ status: 499 })
  })

  it('a long poll is answered immediately when the server closes', async () => {
    let isStopped = false
    const { record, wait } = waitingUntil(() => isStopped)
    const app = await anApp(
      {
        waitForChallenge: async (_principal, _id, _waitMs, isAborted) => {
          await wait(isAborted)
          return aReading()
        },
      },
      {
        stopWaiting: () => {
          isStopped = true
        },
      },
    )
    const port = await listen(app)
    const answer = fetch(`http://127.0.0.1:${port}${one}?wait=30`, { headers: bearer })
    await until('the wait', () => record.started === 1)
    await app.close()
    expect(await (await answer).json()).toMatchObject({ status: 'pending' })
    expect(record.aborted).toBe(0)
  })
})

describe('GET /v1/challenges/{id}/events', () => {
  /** Gives one reading after another, then waits for the client to go or the server to stop. */
  function following(readings: ChallengeReading[], isStopped: () => boolean = () => false) {
    const remaining = [...readings]
    const first = remaining.shift() ?? aReading()
    const record = { waits: [] as number[], aborted: false }
    const useCases: Partial<UseCases> = {
      readChallenge: async () => first,
      waitForChallenge: async (_principal, _id, waitMs, isAborted) => {
        record.waits.push(waitMs)
        const next = remaining.shift()
        if (next) return next
        await until('the end', () => isAborted?.() || isStopped())
        record.aborted = isAborted?.() === true
        return first
      },
    }
    return { useCases, record }
  }

  function event(reading: ChallengeReading): string {
    const { challenge, devices, result } = reading
    const {
      tenantId,
      rpId,
      signingKid,
      resultJti,
      lastPushAt,
      initiatorKey,
      budgetKey,
      ...shownChallenge
    } = challenge
    expect([tenantId, rpId, signingKid, resultJti, lastPushAt]).not.toContain(undefined)
    return `event: challenge\ndata: ${JSON.stringify({ ...shownChallenge, result, devices })}\n\n`
  }

  function sameEvents(text: string, expectedEvents: string[]): void {
    const parse = (frame: string) => JSON.parse(frame.replace(/^event: challenge\ndata: /, ''))
    const frames = text.split('\n\n').filter((frame) => frame !== '')
    expect(frames.map(parse)).toEqual(expectedEvents.map(parse))
  }

  it('sends the challenge immediately, at each change, and ends after the final one', async () => {
    const readings = [
      aReading(),
      aReading(),
      aReading({ wrongNumbersLeft: 2 }),
      aReading({ status: 'approved' }),
    ]
    const { useCases } = following(readings)
    await using app = await anApp(useCases)
    const answer = await app.inject({ url: `${one}/events`, headers: bearer })
    expect(answer.headers['content-type']).toBe('text/event-stream')
    expect(answer.headers['cache-control']).toBe('no-store')
    const changes = [readings[0], readings[2], readings[3]].map((reading) =>
      event(reading ?? aReading()),
    )
    sameEvents(answer.body, changes)
  })

  it('sends one event and ends when the challenge has already ended', async () => {
    const reading = aReading({ status: 'denied', reason: 'user_denied' })
    const { useCases } = following([reading])
    await using app = await anApp(useCases)
    const answer = await app.inject({ url: `${one}/events`, headers: bearer })
    sameEvents(answer.body, [event(reading)])
  })

  it('is a problem, and no stream, when there is no such challenge', async () => {
    await using app = await anApp({ readChallenge: async () => refuse('not_found') })
    const answer = await app.inject({ url: `${one}/events`, headers: bearer })
    expect(answer.statusCode).toBe(404)
    expect(answer.headers['content-type']).toMatch('application/problem+json')
  })

  it('sends a comment when nothing happens, and ends after its time', async () => {
    const useCases = {
      readChallenge: async () => aReading(),
      waitForChallenge: async () => {
        await new Promise((resolve) => setImmediate(resolve))
        return aReading()
      },
    }
    await using app = await anApp(useCases, { limits: { heartbeatMs: 5, streamMs: 50 } })
    const answer = await app.inject({ url: `${one}/events`, headers: bearer })
    const frames = answer.body.split('\n\n')
    expect(frames.filter((frame) => frame.startsWith('event:'))).toHaveLength(1)
    expect(frames.filter((frame) => frame === ':').length).toBeGreaterThan(0)
  })

  it('never waits longer than until the next comment is due', async () => {
    const { useCases, record } = following([aReading(), aReading({ status: 'approved' })])
    await using app = await anApp(useCases, { limits: { heartbeatMs: 100 } })
    await app.inject({ url: `${one}/events`, headers: bearer })
    expect(record.waits).toHaveLength(1)
    expect(record.waits[0]).toBeLessThanOrEqual(100)
  })

  it('ends when the client goes away', async () => {
    const { useCases, record } = following([aReading()])
    await using app = await anApp(useCases)
    const controller = new AbortController()
    const port = await listen(app)
    const url = `http://127.0.0.1:${port}${one}/events`
    await fetch(url, { headers: bearer, signal: controller.signal })
    await until('the wait', () => record.waits.length === 1)
    controller.abort()
    await until('the end of the wait', () => record.aborted)
  })

  it('ends when the server closes', async () => {
    let isStopped = false
    const { useCases, record } = following([aReading()], () => isStopped)
    const app = await anApp(useCases, {
      stopWaiting: () => {
        isStopped = true
      },
    })
    const url = `http://127.0.0.1:${await listen(app)}${one}/events`
    const text = (await fetch(url, { headers: bearer })).text()
    await until('the wait', () => record.waits.length === 1)
    await app.close()
    sameEvents(await text, [event(aReading())])
    expect(record.aborted).toBe(false)
  })
})
