import { describe, expect } from 'vitest'
import type { ChallengeId } from '../../src/domain/ids.ts'
import type { Principal } from '../../src/domain/principal.ts'
import type { PushFailure } from '../../src/domain/push.ts'
import type { PushResult } from '../../src/push/push.store.ts'
import { buildDispatcher, type Dependencies } from '../../src/push/push-dispatcher.ts'
import { aPhone, aPrincipal, ask, granted, type Phone, type World } from '../support/world.ts'
import { phoneTest } from '../support/world-test.ts'
import { aLog, aProvider } from './provider.ts'

/** Dispatchers, and what they do with the pushes to the phone. */
function dispatchingOf(world: World, principal: Principal, phone: Phone) {
  /** A dispatcher whose provider answers so. */
  function dispatching(
    answer: Parameters<typeof aProvider>[0],
    changes: (dependencies: Dependencies) => Partial<Dependencies> = () => ({}),
  ) {
    const { push, sentPushes } = aProvider(answer)
    const { log, lines } = aLog()
    const observations: unknown[] = []
    const dependencies: Dependencies = {
      ...world,
      push,
      leaseHolder: { name: 'process-1', isPresent: () => true },
      originHash: 'origin',
      log,
      observe: (_, kind) => observations.push(kind),
    }
    const dispatcher = buildDispatcher({ ...dependencies, ...changes(dependencies) })
    return { dispatcher, sentPushes, lines, observations }
  }

  /** Asks, lets the pushes be sent and recorded, and returns the relying party's view of it. */
  async function pushOnce({ dispatcher }: ReturnType<typeof dispatching>) {
    const { challenge } = await granted(ask({ ...world, dispatcher } as World, principal))
    await dispatcher.drain()
    return { id: challenge.id, ...(await progressOf(challenge.id)) }
  }

  /**
   * Claims the pending deliveries of the challenge as if they were due, and lets them be sent and
   * recorded.
   */
  async function tryNow({ dispatcher }: ReturnType<typeof dispatching>, id: ChallengeId) {
    const text = 'update deliveries set due_at = clock_timestamp() where challenge_id = $1'
    await world.database.query('due_now', text, [id])
    const due = await world.deliveries.claim('process-1', 100)
    dispatcher.dispatch(due.filter(({ challengeId }) => challengeId === id))
    await dispatcher.drain()
  }

  async function progressOf(id: ChallengeId) {
    const record = await world.challenges.find(principal.tenantId, principal.rpId, id)
    const device = record?.devices.find(({ deviceId }) => deviceId === phone.id)
    if (!device?.push) throw new Error('a push is pending')
    return device.push
  }
  const hasToken = async () => (await world.devices.find(phone.tenantId, phone.id))?.hasPushToken
  return { dispatching, pushOnce, tryNow, progressOf, hasToken }
}

const test = phoneTest.extend('scene', ({ world, principal, phone }) =>
  dispatchingOf(world, principal, phone),
)

const acceptance: PushResult = { kind: 'accepted', providerMessageId: 'apns-1' }

describe('a push', () => {
  test('is sent immediately after the commit, with opaque ids only, and recorded', async ({
    scene,
    principal,
    phone,
  }) => {
    const running = scene.dispatching(() => acceptance)
    const { id, status, settledAt } = await scene.pushOnce(running)
    expect({ status, settledAt }).toEqual({ status: 'sent', settledAt: expect.any(Date) })
    const [message] = running.sentPushes
    expect(message).toEqual({
      deliveryId: expect.stringMatching(/^dlv_/),
      kind: 'challenge_opened',
      tenantId: principal.tenantId,
      challengeId: id,
      deviceId: phone.id,
      originHash: 'origin',
      languages: ['en'],
      address: {
        provider: 'apns',
        environment: 'production',
        appId: 'com.example.app',
        token: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
      expiresAt: expect.any(Date),
    })
    expect(running.observations).toEqual(['accepted'])
  })

  test('about batched activities says how many they are', async ({ scene, world, principal }) => {
    const { dispatcher, sentPushes } = scene.dispatching(() => acceptance)
    await granted(ask(world, principal))
    const [due] = world.dispatchedPushes
    if (!due) throw new Error('a push is pending')
    dispatcher.dispatch([{ ...due, more: 3 }])
    await dispatcher.drain()
    expect(sentPushes).toMatchObject([{ more: 3 }])
  })

  test('that was not delivered is retried, after half a second the first time', async ({
    scene,
    world,
  }) => {
    const { id, status, reason } = await scene.pushOnce(
      scene.dispatching(() => ({ kind: 'retry', reason: 'busy' })),
    )
    expect({ status, reason }).toEqual({ status: 'queued', reason: 'busy' })
    const [row] = await world.database.query<{ wait: number; leased_by: string | null }>(
      'wait_of',
      `select extract(epoch from due_at - created_at)::float8 as wait, leased_by
       from deliveries where challenge_id = $1`,
      [id],
    )
    expect(row?.leased_by).toBeNull()
    expect(row?.wait).toBeGreaterThanOrEqual(0.5)
    expect(row?.wait).toBeLessThan(30)
  })

  test.for<[string, PushResult, string]>([
    ['rejected', { kind: 'rejected', reason: 'PayloadTooLarge' }, 'PayloadTooLarge'],
    [
      'refused to our credentials',
      { kind: 'misconfigured', reason: 'InvalidProviderToken' },
      'InvalidProviderToken',
    ],
  ])(
    'that is %s fails permanently, and the device keeps its token',
    async ([_, result, reason], { scene }) => {
      const running = scene.dispatching(() => result)
      expect(await scene.pushOnce(running)).toMatchObject({ status: 'failed', reason })
      expect(await scene.hasToken()).toBe(true)
      const errors = running.lines.filter(({ level }) => level === 'error')
      expect(errors).toHaveLength(result.kind === 'misconfigured' ? 1 : 0)
    },
  )

  test.for<[PushResult, PushFailure]>([
    [{ kind: 'retry', reason: 'busy' }, 'provider_unavailable'],
    [{ kind: 'misconfigured', reason: 'InvalidProviderToken' }, 'provider_misconfigured'],
    [{ kind: 'token_gone', reason: 'Unregistered' }, 'token_gone'],
    [{ kind: 'rejected', reason: 'PayloadTooLarge' }, 'push_rejected'],
  ])(
    'that is answered %j says by what it failed',
    async ([result, failure], { scene, phone, world }) => {
      await scene.pushOnce(scene.dispatching(() => result))
      const history = await world.pushHistory.find(phone.tenantId, phone.id, 10)
      expect(history?.pushes[0]).toMatchObject({ kind: 'challenge_opened', failure })
    },
  )

  test('whose token is dead fails, and removes the token from every device that carries it', async ({
    scene,
  }) => {
    const running = scene.dispatching(() => ({ kind: 'token_gone', reason: 'Unregistered' }))
    expect(await scene.pushOnce(running)).toMatchObject({
      status: 'failed',
      reason: 'Unregistered',
    })
    expect(await scene.hasToken()).toBe(false)
    expect(running.lines).toMatchObject([{ level: 'warn', facts: { devices: 1 } }])
  })

  test('whose token a tenant’s own credentials call dead removes it from that tenant’s devices only', async ({
    world,
    phone,
    scene,
  }) => {
    const elsewhere = await aPrincipal(world)
    const theirs = await aPhone(world, elsewhere)
    await world.database.query(
      'share_token',
      `update devices set push_token_hash = (select push_token_hash from devices where id = $2)
       where id = $1`,
      [theirs.id, phone.id],
    )
    await scene.pushOnce(
      scene.dispatching(() => ({ kind: 'token_gone', reason: 'Unregistered', tenantOnly: true })),
    )
    expect(await scene.hasToken()).toBe(false)
    expect(await world.devices.find(theirs.tenantId, theirs.id)).toMatchObject({
      hasPushToken: true,
    })
  })

  test('whose token was dead before it was registered keeps it', async ({ scene }) => {
    const since = new Date(Date.now() - 3_600_000)
    await scene.pushOnce(
      scene.dispatching(() => ({ kind: 'token_gone', reason: 'Unregistered', since })),
    )
    expect(await scene.hasToken()).toBe(true)
  })

  test('whose time is over is not sent', async ({ scene }) => {
    const running = scene.dispatching(
      () => acceptance,
      () => ({ clock: { now: () => new Date(Date.now() + 600_000) } }),
    )
    expect(await scene.pushOnce(running)).toMatchObject({
      status: 'suppressed',
      reason: 'challenge_ended',
    })
    expect(running.sentPushes).toEqual([])
  })

  test('is retried as long as its challenge lives, however often, and not once it has ended', async ({
    scene,
    world,
  }) => {
    const running = scene.dispatching(() => ({ kind: 'retry', reason: 'busy' }))
    const { id } = await scene.pushOnce(running)
    for (let attempts = 2; attempts <= 12; attempts++) {
      await scene.tryNow(running, id)
      expect(await scene.progressOf(id)).toMatchObject({ attempts, status: 'queued' })
    }
    // The next would come after ten seconds or more.
    const text = `update challenges set expires_at = clock_timestamp() + interval '9 s'
      where id = $1`
    await world.database.query('ends_soon', text, [id])
    await scene.tryNow(running, id)
    expect(await scene.progressOf(id)).toMatchObject({
      attempts: 13,
      status: 'failed',
      reason: 'busy',
    })
    await scene.tryNow(running, id)
    expect(running.sentPushes).toHaveLength(13)
  })
})

describe('a push stays queued', () => {
  const queuedState = { status: 'queued', reason: null, settledAt: null }

  test('when its provider breaks its contract and rejects', async ({ scene }) => {
    const running = scene.dispatching(() => Promise.reject(new Error('broken')))
    expect(await scene.pushOnce(running)).toMatchObject(queuedState)
    expect(running.lines).toMatchObject([
      { level: 'error', message: expect.stringMatching(/lease/) },
    ])
  })

  test('when its token cannot be opened, and is not sent', async ({ scene }) => {
    const sealing = {
      open: () => {
        throw new Error('another master key')
      },
    }
    const running = scene.dispatching(
      () => acceptance,
      () => ({ sealing }),
    )
    expect(await scene.pushOnce(running)).toMatchObject(queuedState)
    expect(running.sentPushes).toEqual([])
  })

  test('when its outcome cannot be recorded: it will be sent again, under the same id', async ({
    scene,
    world,
  }) => {
    const settle = () => Promise.reject(new Error('away'))
    const running = scene.dispatching(
      () => acceptance,
      () => ({ deliveries: { settle } }),
    )
    const { id, ...push } = await scene.pushOnce(running)
    expect(push).toMatchObject(queuedState)
    expect(running.lines).toMatchObject([{ level: 'error', facts: { count: 1 } }])
    const text = `update deliveries set leased_until = clock_timestamp() where challenge_id = $1`
    await world.database.query('end_lease', text, [id])
    const due = await world.deliveries.claim('process-2', 100)
    expect(due.map((one) => one.id)).toContain(running.sentPushes[0]?.deliveryId)
  })
})

describe('draining', () => {
  test('waits for pushes that are being sent and recorded', async ({ scene, world, principal }) => {
    let release: (result: PushResult) => void = () => undefined
    const running = scene.dispatching(() => new Promise((resolve) => (release = resolve)))
    const { challenge } = await granted(
      ask({ ...world, dispatcher: running.dispatcher } as World, principal),
    )
    expect(running.dispatcher.inFlight()).toBe(1)
    const draining = running.dispatcher.drain()
    release(acceptance)
    await draining
    expect(running.dispatcher.inFlight()).toBe(0)
    expect(await scene.progressOf(challenge.id)).toMatchObject({ status: 'sent' })
  })

  test('of nothing ends immediately', async ({ scene }) => {
    await scene.dispatching(() => acceptance).dispatcher.drain()
  })

  test('of many settles all of them in few round trips', async ({ scene, world }) => {
    const running = scene.dispatching(() => acceptance)
    const dependencies = { ...world, dispatcher: running.dispatcher } as World
    const challenges = await Promise.all(
      Array.from({ length: 40 }, async (_, n) => {
        const principal = await aPrincipal(world)
        const { id } = await aPhone(world, principal, { user: `user-${n}` })
        return {
          principal,
          id,
          ...(await granted(ask(dependencies, principal, { user: `user-${n}` }))),
        }
      }),
    )
    await running.dispatcher.drain()
    for (const { principal: asker, id, challenge } of challenges) {
      const record = await world.challenges.find(asker.tenantId, asker.rpId, challenge.id)
      const device = record?.devices.find(({ deviceId }) => deviceId === id)
      expect(device?.push).toMatchObject({ status: 'sent' })
    }
  })
})
