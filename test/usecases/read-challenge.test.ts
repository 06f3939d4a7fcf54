import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ChallengeId } from '../../src/domain/ids.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { refuse } from '../../src/domain/refusal.ts'
import type { Signals } from '../../src/ports/signals.ts'
import { answerChallenge } from '../../src/usecases/answer-challenge.ts'
import { cancelChallenge } from '../../src/usecases/cancel-challenge.ts'
import {
  readChallenge,
  rereadEveryMs,
  waitForChallenge,
} from '../../src/usecases/read-challenge.ts'
import {
  anAnswer,
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  openWorld,
  type Phone,
  signAnswer,
  type World,
} from './world.ts'

let world: World
let principal: Principal
let phone: Phone
let id: ChallengeId

beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  principal = await aPrincipal(world)
  phone = await aPhone(world, principal)
  id = (await granted(ask(world, principal))).challenge.id
})
afterAll(() => world.close())

async function deny(needs: World = world) {
  const answer = await signAnswer(phone, await anAnswer(world, phone, id, { dec: 'deny' }))
  return answerChallenge(needs, await aProof(world, phone), { challengeId: id, answer })
}

async function setExpiry(ms: number) {
  await world.database.query(
    'set_expiry',
    `update challenges set expires_at = clock_timestamp() + make_interval(secs => $2 / 1000.0::float8)
     where id = $1`,
    [id, ms],
  )
}

/** Signals that never come: a wait ends when its time is over, at once. What happens meanwhile is up to the test. */
function hollow(meanwhile: (timeoutMs: number, turn: number) => Promise<unknown> | undefined) {
  let turn = 0
  let open = 0
  const signals: Signals = {
    publish: () => undefined,
    stop: () => undefined,
    isStopped: false,
    watch() {
      open += 1
      return {
        async next(timeoutMs) {
          await meanwhile(timeoutMs, turn++)
        },
        close() {
          open -= 1
        },
      }
    },
  }
  return { signals, turns: () => turn, open: () => open }
}

const longMs = 20_000

describe('a wait for a challenge', () => {
  test('ends with the answer, and carries the signed result', async () => {
    const waiting = granted(waitForChallenge(world, principal, id, longMs))
    await deny()
    const reading = await waiting
    expect(reading.challenge).toMatchObject({ status: 'denied', reason: 'user_denied' })
    expect(reading.result).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
  })

  test('ends with a cancellation', async () => {
    const waiting = granted(waitForChallenge(world, principal, id, longMs))
    await granted(cancelChallenge(world, principal, id))
    expect((await waiting).challenge.status).toBe('cancelled')
  })

  test('ends at the challenge’s expiry, which it brings about itself', async () => {
    await setExpiry(150)
    const { challenge, result } = await granted(waitForChallenge(world, principal, id, longMs))
    expect(challenge).toMatchObject({ status: 'expired', decidedAt: expect.any(Date) })
    expect(result).not.toBeNull()
  })

  test('loses no answer with its signal: it looks again by itself, now and then', async () => {
    const waited: number[] = []
    const { signals, turns } = hollow((timeoutMs, turn) => {
      waited.push(timeoutMs)
      return turn === 1
        ? deny({ ...world, signals: { ...world.signals, publish: () => undefined } })
        : undefined
    })
    const reading = await granted(waitForChallenge({ ...world, signals }, principal, id, longMs))
    expect(reading.challenge.status).toBe('denied')
    expect(turns()).toBe(2)
    expect(Math.max(...waited)).toBeLessThanOrEqual(rereadEveryMs)
  })

  test('never sleeps past the expiry, nor past its own end', async () => {
    await setExpiry(700)
    const waited: number[] = []
    const { signals } = hollow((timeoutMs) => {
      waited.push(timeoutMs)
      return setExpiry(-1)
    })
    await granted(waitForChallenge({ ...world, signals }, principal, id, longMs))
    expect(waited).toHaveLength(1)
    expect(waited[0]).toBeLessThanOrEqual(701)
    id = (await granted(ask(world, principal))).challenge.id
    const short: number[] = []
    const brief = hollow((timeoutMs) => {
      short.push(timeoutMs)
      return undefined
    })
    await granted(waitForChallenge({ ...world, signals: brief.signals }, principal, id, 30))
    expect(short.every((ms) => ms <= 30)).toBe(true)
  })

  test('misses nothing that happens between the first look and the wait', async () => {
    const find = async (...given: Parameters<World['challenges']['find']>) => {
      const before = await world.challenges.find(...given)
      if (before?.challenge.status === 'pending') await deny()
      return before
    }
    const needs = { ...world, challenges: { ...world.challenges, find } }
    const reading = await granted(waitForChallenge(needs, principal, id, longMs))
    expect(reading.challenge.status).toBe('denied')
  })

  test('tells nothing to whoever may not ask any more, and finds that out without a signal', async () => {
    const { signals, turns } = hollow(() => deny())
    const revoked = async () => refuse('api_key_invalid')
    const never = () => false
    const waiting = waitForChallenge({ ...world, signals }, principal, id, longMs, never, revoked)
    expect(await waiting).toEqual({ refused: 'api_key_invalid' })
    expect(turns()).toBe(1)
  })

  test('ends with what stands when the process stops, when the asker has gone, and when its time is over', async () => {
    const stopping = { ...hollow(() => undefined).signals, stopped: true }
    const stopped = waitForChallenge({ ...world, signals: stopping }, principal, id, longMs)
    expect((await granted(stopped)).challenge.status).toBe('pending')
    const gone = waitForChallenge(world, principal, id, longMs, () => true)
    expect((await granted(gone)).challenge.status).toBe('pending')
    const over = waitForChallenge(world, principal, id, 0)
    expect(await granted(over)).toMatchObject({ challenge: { status: 'pending' }, result: null })
  })

  test('leaves no watch behind, however it ends', async () => {
    const { signals, open } = hollow(() => undefined)
    const needs = { ...world, signals }
    await waitForChallenge(needs, principal, id, 0)
    await waitForChallenge(needs, principal, 'chl_01h455vb4pex5vsknk084sn02q', longMs)
    const find = () => Promise.reject(new Error('gone'))
    const failing = { ...needs, challenges: { ...world.challenges, find } }
    await expect(waitForChallenge(failing, principal, id, longMs)).rejects.toThrow('gone')
    expect(open()).toBe(0)
  })
})

describe('a challenge is read', () => {
  test('by the relying party that created it and by no other', async () => {
    const unknown = await readChallenge(world, principal, 'chl_01h455vb4pex5vsknk084sn02q')
    const other = await aPrincipal(world, ['default'], principal.tenantId)
    expect(await readChallenge(world, other, id)).toEqual(unknown)
    expect(await readChallenge(world, await aPrincipal(world), id)).toEqual(unknown)
    expect(unknown).toEqual({ refused: 'not_found' })
  })

  test('without a result while it is pending, and with one that verifies once it has ended', async () => {
    expect((await granted(readChallenge(world, principal, id))).result).toBeNull()
    await deny()
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

  test('with the same jti each time, so that it can be consumed once', async () => {
    await deny()
    const read = async () => {
      const { result } = await granted(readChallenge(world, principal, id))
      return world.signatures.read(result ?? '', 8_192)?.payload
    }
    const first = await read()
    expect(first).toMatchObject({ jti: expect.any(String) })
    expect(await read()).toMatchObject({ jti: (first as { jti: string }).jti })
  })

  test('as expired only after its end was recorded, and everybody who waits is told', async () => {
    await setExpiry(-1)
    world.published.length = 0
    expect((await granted(readChallenge(world, principal, id))).challenge.status).toBe('expired')
    expect(world.published).toEqual([id])
    const told = await world.activities.list(phone.tenantId, phone.userId, {
      limit: 1,
      before: null,
    })
    expect(told).toMatchObject([{ type: 'challenge_expired', challengeId: id }])
  })
})
