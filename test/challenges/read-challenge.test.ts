import { describe, expect } from 'vitest'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { cancelChallenge } from '../../src/challenges/cancel-challenge.ts'
import {
  readChallenge,
  rereadEveryMs,
  waitForChallenge,
} from '../../src/challenges/read-challenge.ts'
import type { ChallengeId } from '../../src/domain/ids.ts'
import { refuse } from '../../src/domain/refusal.ts'
import type { Signals } from '../../src/platform/signals.ts'
import {
  anAnswer,
  aPrincipal,
  aProof,
  ask,
  granted,
  inAnotherProcess,
  type Phone,
  signAnswer,
  type World,
} from '../support/world.ts'
import { phoneTest } from '../support/world-test.ts'

/** A pending challenge, and what ends it. */
function readingOf(world: World, phone: Phone, id: ChallengeId) {
  async function deny(dependencies: World = world) {
    const answer = await signAnswer(phone, await anAnswer(world, phone, id, { dec: 'deny' }))
    return answerChallenge(dependencies, await aProof(world, phone), { challengeId: id, answer })
  }

  async function setExpiry(ms: number) {
    await world.database.query(
      'set_expiry',
      `update challenges
     set expires_at = clock_timestamp() + make_interval(secs => $2 / 1000.0::float8)
     where id = $1`,
      [id, ms],
    )
  }
  return { deny, setExpiry }
}

const test = phoneTest
  .extend(
    'id',
    { auto: true },
    async ({ world, principal, phone: { userId } }) =>
      (await granted(ask(world, principal, { user: { id: userId } }))).challenge.id,
  )
  .extend('scene', ({ world, phone, id }) => readingOf(world, phone, id))

/**
 * Signals that never come: a wait ends when its time is over, immediately. What happens meanwhile
 * is up to the test.
 */
function silentSignals(
  meanwhile: (timeoutMs: number, poll: number) => Promise<unknown> | undefined,
) {
  let poll = 0
  let open = 0
  const signals: Signals = {
    publish: () => undefined,
    isWatched: () => false,
    watchCount: () => 0,
    stop: () => undefined,
    isStopped: false,
    watch() {
      open += 1
      return {
        async next(timeoutMs) {
          await meanwhile(timeoutMs, poll++)
        },
        close() {
          open -= 1
        },
      }
    },
  }
  return { signals, polls: () => poll, open: () => open }
}

const longMs = 20_000

describe('a wait for a challenge', () => {
  test('ends with the answer, and carries the signed result', async ({
    world,
    principal,
    id,
    scene,
  }) => {
    const waiting = granted(waitForChallenge(world, principal, id, longMs))
    await scene.deny()
    const reading = await waiting
    expect(reading.challenge).toMatchObject({ status: 'denied', reason: 'user_denied' })
    expect(reading.result).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
  })

  test('ends with a cancellation', async ({ world, principal, id }) => {
    const waiting = granted(waitForChallenge(world, principal, id, longMs))
    await granted(cancelChallenge(world, principal, id))
    expect((await waiting).challenge.status).toBe('cancelled')
  })

  test('ends at the challenge’s expiry, which it records itself', async ({
    scene,
    world,
    principal,
    id,
  }) => {
    await scene.setExpiry(150)
    const { challenge, result } = await granted(waitForChallenge(world, principal, id, longMs))
    expect(challenge).toMatchObject({ status: 'expired', decidedAt: expect.any(Date) })
    expect(result).not.toBeNull()
  })

  test('loses no answer with a lost signal: it polls by itself from time to time', async ({
    scene,
    world,
    principal,
    id,
  }) => {
    const waits: number[] = []
    const { signals, polls } = silentSignals((timeoutMs, poll) => {
      waits.push(timeoutMs)
      return poll === 1
        ? scene.deny({ ...world, signals: { ...world.signals, publish: () => undefined } })
        : undefined
    })
    const reading = await granted(waitForChallenge({ ...world, signals }, principal, id, longMs))
    expect(reading.challenge.status).toBe('denied')
    expect(polls()).toBe(2)
    expect(Math.max(...waits)).toBeLessThanOrEqual(rereadEveryMs)
  })

  test('never sleeps past the expiry, nor past its own end', async ({
    scene,
    world,
    principal,
    id,
  }) => {
    await scene.setExpiry(700)
    const waits: number[] = []
    const { signals } = silentSignals((timeoutMs) => {
      waits.push(timeoutMs)
      return scene.setExpiry(-1)
    })
    await granted(waitForChallenge({ ...inAnotherProcess(world), signals }, principal, id, longMs))
    expect(waits).toHaveLength(1)
    expect(waits[0]).toBeLessThanOrEqual(701)
    const { challenge: next } = await granted(ask(world, principal))
    const short: number[] = []
    const brief = silentSignals((timeoutMs) => {
      short.push(timeoutMs)
      return undefined
    })
    await granted(waitForChallenge({ ...world, signals: brief.signals }, principal, next.id, 30))
    expect(short.every((ms) => ms <= 30)).toBe(true)
  })

  test('misses nothing that happens between the first read and the wait', async ({
    world,
    scene,
    principal,
    id,
  }) => {
    const find = async (...args: Parameters<World['challenges']['find']>) => {
      const before = await world.challenges.find(...args)
      if (before?.challenge.status === 'pending') await scene.deny()
      return before
    }
    const dependencies = { ...world, challenges: { ...world.challenges, find } }
    const reading = await granted(waitForChallenge(dependencies, principal, id, longMs))
    expect(reading.challenge.status).toBe('denied')
  })

  test('answers nothing to a caller whose right has ended, and finds that out without a signal', async ({
    scene,
    world,
    principal,
    id,
  }) => {
    const { signals, polls } = silentSignals(() => scene.deny())
    const recheck = async () => refuse('api_key_invalid')
    const never = () => false
    const waiting = waitForChallenge({ ...world, signals }, principal, id, longMs, never, recheck)
    expect(await waiting).toEqual({ refused: 'api_key_invalid' })
    expect(polls()).toBe(1)
  })

  test('ends with the current status on process stop, client disconnect and time-out', async ({
    world,
    principal,
    id,
  }) => {
    const stopping = { ...silentSignals(() => undefined).signals, isStopped: true }
    const stoppedWait = waitForChallenge({ ...world, signals: stopping }, principal, id, longMs)
    expect((await granted(stoppedWait)).challenge.status).toBe('pending')
    const abandonedWait = waitForChallenge(world, principal, id, longMs, () => true)
    expect((await granted(abandonedWait)).challenge.status).toBe('pending')
    const over = waitForChallenge(world, principal, id, 0)
    expect(await granted(over)).toMatchObject({ challenge: { status: 'pending' }, result: null })
  })

  test('leaves no watch behind, however it ends', async ({ world, principal, id }) => {
    const { signals, open } = silentSignals(() => undefined)
    const dependencies = { ...world, signals }
    await waitForChallenge(dependencies, principal, id, 0)
    await waitForChallenge(dependencies, principal, 'chl_01h455vb4pex5vsknk084sn02q', longMs)
    const find = () => Promise.reject(new Error('gone'))
    const failing = { ...dependencies, challenges: { ...world.challenges, find } }
    await expect(waitForChallenge(failing, principal, id, longMs)).rejects.toThrow('gone')
    expect(open()).toBe(0)
  })
})

describe('a challenge is read', () => {
  test('by the relying party that created it and by no other', async ({ world, principal, id }) => {
    const unknown = await readChallenge(world, principal, 'chl_01h455vb4pex5vsknk084sn02q')
    const other = await aPrincipal(world, ['default'], principal.tenantId)
    expect(await readChallenge(world, other, id)).toEqual(unknown)
    expect(await readChallenge(world, await aPrincipal(world), id)).toEqual(unknown)
    expect(unknown).toEqual({ refused: 'not_found' })
  })

  test('without a result while it is pending, and with one that verifies once it has ended', async ({
    world,
    principal,
    id,
    scene,
    phone,
  }) => {
    expect((await granted(readChallenge(world, principal, id))).result).toBeNull()
    await scene.deny()
    const { result } = await granted(readChallenge(world, principal, id))
    const jws = world.signatures.read(result ?? '', 8_192)
    if (!jws) throw new Error('the result is a JWS')
    const [key] = await world.keys.list(principal.tenantId)
    if (!key) throw new Error('the tenant has a key')
    expect(await world.signatures.verify(jws, key.publicJwk)).toBe(true)
    expect(jws.header).toEqual({ alg: 'ES256', typ: 'approval-result+jwt', kid: key.kid })
    expect(jws.payload).toMatchObject({
      aud: principal.rpId,
      cid: id,
      decision: 'denied',
      reason: 'user_denied',
      did: phone.id,
    })
  })

  test('with the same jti each time, so that it can be consumed once', async ({
    scene,
    world,
    principal,
    id,
  }) => {
    await scene.deny()
    const read = async () => {
      const { result } = await granted(readChallenge(world, principal, id))
      return world.signatures.read(result ?? '', 8_192)?.payload
    }
    const first = await read()
    expect(first).toMatchObject({ jti: expect.any(String) })
    expect(await read()).toMatchObject({ jti: (first as { jti: string }).jti })
  })

  test('as expired only after its end was recorded, and every waiting client is notified', async ({
    scene,
    world,
    principal,
    id,
    phone,
  }) => {
    await scene.setExpiry(-1)
    world.publishedKeys.length = 0
    expect((await granted(readChallenge(world, principal, id))).challenge.status).toBe('expired')
    expect(world.publishedKeys).toEqual([id])
    const activities = await world.activities.list(phone.tenantId, phone.userId, {
      limit: 1,
      before: null,
    })
    expect(activities).toMatchObject([{ type: 'challenge_expired', challengeId: id }])
  })
})
