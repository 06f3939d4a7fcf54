import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ChallengeId } from '../../src/domain/ids.ts'
import type { Principal } from '../../src/domain/principal.ts'
import type { PushResult } from '../../src/ports/push.ts'
import { buildDispatcher, type Dependencies } from '../../src/worker/dispatcher.ts'
import {
  aPhone,
  aPrincipal,
  ask,
  granted,
  openWorld,
  type Phone,
  type World,
} from '../usecases/world.ts'
import { aLog, aProvider } from './provider.ts'

let world: World
let principal: Principal
let phone: Phone

beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  principal = await aPrincipal(world)
  phone = await aPhone(world, principal)
})
afterAll(() => world.close())

const accepted: PushResult = { kind: 'accepted', providerMessageId: 'apns-1' }

/** A dispatcher whose provider answers so. */
function dispatching(
  answer: Parameters<typeof aProvider>[0],
  changes: (needs: Dependencies) => Partial<Dependencies> = () => ({}),
) {
  const { push, sent } = aProvider(answer)
  const { log, lines } = aLog()
  const observed: unknown[] = []
  const needs: Dependencies = {
    ...world,
    push,
    leaseHolder: { name: 'process-1', isPresent: () => true },
    originHash: 'origin',
    log,
    observe: (_, kind) => observed.push(kind),
  }
  const dispatcher = buildDispatcher({ ...needs, ...changes(needs) })
  return { dispatcher, sent, lines, observed }
}

/** Asks, lets the pushes be sent and written down, and tells how the relying party sees it. */
async function pushed({ dispatcher }: ReturnType<typeof dispatching>) {
  const { challenge } = await granted(ask({ ...world, dispatcher } as World, principal))
  await dispatcher.drain()
  return { id: challenge.id, ...(await progressOf(challenge.id)) }
}

/** Claims what is owed for the challenge as if it were due, and lets it be sent and written down. */
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
  if (!device?.push) throw new Error('a push is owed')
  return device.push
}
const hasToken = async () => (await world.devices.find(phone.tenantId, phone.id))?.hasPushToken

describe('a push', () => {
  test('is sent at once after the commit, with opaque ids only, and written down', async () => {
    const running = dispatching(() => accepted)
    const { id, status, settledAt } = await pushed(running)
    expect({ status, settledAt }).toEqual({ status: 'sent', settledAt: expect.any(Date) })
    const [message] = running.sent
    expect(message).toEqual({
      deliveryId: expect.stringMatching(/^dlv_/),
      kind: 'challenge_opened',
      tenantId: principal.tenantId,
      challengeId: id,
      deviceId: phone.id,
      originHash: 'origin',
      address: {
        provider: 'apns',
        environment: 'production',
        appId: 'com.example.app',
        token: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
      expiresAt: expect.any(Date),
    })
    expect(running.observed).toEqual(['accepted'])
  })

  test('about gathered activities says how many they are', async () => {
    const { dispatcher, sent } = dispatching(() => accepted)
    await granted(ask(world, principal))
    const [due] = world.dispatched
    if (!due) throw new Error('a push is owed')
    dispatcher.dispatch([{ ...due, more: 3 }])
    await dispatcher.drain()
    expect(sent).toMatchObject([{ more: 3 }])
  })

  test('that did not get through is owed again, after half a second the first time', async () => {
    const { id, status, reason } = await pushed(
      dispatching(() => ({ kind: 'retry', reason: 'busy' })),
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

  test.each<[string, PushResult, string]>([
    ['rejected', { kind: 'rejected', reason: 'PayloadTooLarge' }, 'PayloadTooLarge'],
    [
      'refused to our credentials',
      { kind: 'misconfigured', reason: 'InvalidProviderToken' },
      'InvalidProviderToken',
    ],
  ])('that is %s fails for good, and the device keeps its token', async (_, result, reason) => {
    const running = dispatching(() => result)
    expect(await pushed(running)).toMatchObject({ status: 'failed', reason })
    expect(await hasToken()).toBe(true)
    const errors = running.lines.filter(({ level }) => level === 'error')
    expect(errors).toHaveLength(result.kind === 'misconfigured' ? 1 : 0)
  })

  test('whose token is dead fails, and takes the token from every device that carries it', async () => {
    const running = dispatching(() => ({ kind: 'token_gone', reason: 'Unregistered' }))
    expect(await pushed(running)).toMatchObject({ status: 'failed', reason: 'Unregistered' })
    expect(await hasToken()).toBe(false)
    expect(running.lines).toMatchObject([{ level: 'warn', facts: { devices: 1 } }])
  })

  test('whose token a tenant’s own credentials call dead takes it from that tenant’s devices only', async () => {
    const elsewhere = await aPrincipal(world)
    const theirs = await aPhone(world, elsewhere)
    await world.database.query(
      'share_token',
      `update devices set push_token_hash = (select push_token_hash from devices where id = $2)
       where id = $1`,
      [theirs.id, phone.id],
    )
    await pushed(
      dispatching(() => ({ kind: 'token_gone', reason: 'Unregistered', tenantOnly: true })),
    )
    expect(await hasToken()).toBe(false)
    expect(await world.devices.find(theirs.tenantId, theirs.id)).toMatchObject({
      hasPushToken: true,
    })
  })

  test('whose token was dead before it was registered keeps it', async () => {
    const since = new Date(Date.now() - 3_600_000)
    await pushed(dispatching(() => ({ kind: 'token_gone', reason: 'Unregistered', since })))
    expect(await hasToken()).toBe(true)
  })

  test('whose time is over is not sent', async () => {
    const running = dispatching(
      () => accepted,
      () => ({ clock: { now: () => new Date(Date.now() + 600_000) } }),
    )
    expect(await pushed(running)).toMatchObject({ status: 'suppressed', reason: 'challenge_ended' })
    expect(running.sent).toEqual([])
  })

  test('is tried again as long as its challenge lives, however often, and not once it has ended', async () => {
    const running = dispatching(() => ({ kind: 'retry', reason: 'busy' }))
    const { id } = await pushed(running)
    for (let tries = 2; tries <= 12; tries++) {
      await tryNow(running, id)
      expect(await progressOf(id)).toMatchObject({ attempts: tries, status: 'queued' })
    }
    // The next would come after ten seconds or more.
    const text = `update challenges set expires_at = clock_timestamp() + interval '9 s' where id = $1`
    await world.database.query('ends_soon', text, [id])
    await tryNow(running, id)
    expect(await progressOf(id)).toMatchObject({ attempts: 13, status: 'failed', reason: 'busy' })
    await tryNow(running, id)
    expect(running.sent).toHaveLength(13)
  })
})

describe('a push stays owed', () => {
  const owed = { status: 'queued', reason: null, settledAt: null }

  test('when its provider breaks its word and rejects', async () => {
    const running = dispatching(() => Promise.reject(new Error('broken')))
    expect(await pushed(running)).toMatchObject(owed)
    expect(running.lines).toMatchObject([
      { level: 'error', message: expect.stringMatching(/lease/) },
    ])
  })

  test('when its token cannot be opened, and is not sent', async () => {
    const sealing = {
      open: () => {
        throw new Error('another master key')
      },
    }
    const running = dispatching(
      () => accepted,
      () => ({ sealing }),
    )
    expect(await pushed(running)).toMatchObject(owed)
    expect(running.sent).toEqual([])
  })

  test('when how it went cannot be written down: it will be sent again, under the same id', async () => {
    const settle = () => Promise.reject(new Error('away'))
    const running = dispatching(
      () => accepted,
      () => ({ deliveries: { settle } }),
    )
    const { id, ...push } = await pushed(running)
    expect(push).toMatchObject(owed)
    expect(running.lines).toMatchObject([{ level: 'error', facts: { count: 1 } }])
    const text = `update deliveries set leased_until = clock_timestamp() where challenge_id = $1`
    await world.database.query('end_lease', text, [id])
    const due = await world.deliveries.claim('process-2', 100)
    expect(due.map((one) => one.id)).toContain(running.sent[0]?.deliveryId)
  })
})

describe('draining', () => {
  test('waits for what is being sent and for what is being written down', async () => {
    let release: (result: PushResult) => void = () => undefined
    const running = dispatching(() => new Promise((resolve) => (release = resolve)))
    const { challenge } = await granted(
      ask({ ...world, dispatcher: running.dispatcher } as World, principal),
    )
    expect(running.dispatcher.inFlight()).toBe(1)
    const drained = running.dispatcher.drain()
    release(accepted)
    await drained
    expect(running.dispatcher.inFlight()).toBe(0)
    expect(await progressOf(challenge.id)).toMatchObject({ status: 'sent' })
  })

  test('of nothing ends at once', async () => {
    await dispatching(() => accepted).dispatcher.drain()
  })

  test('of many settles all of them in few round trips', async () => {
    const running = dispatching(() => accepted)
    const needs = { ...world, dispatcher: running.dispatcher } as World
    const made = await Promise.all(
      Array.from({ length: 40 }, async (_, n) => {
        const asker = await aPrincipal(world)
        const { id } = await aPhone(world, asker, { user: `user-${n}` })
        return { asker, id, ...(await granted(ask(needs, asker, { user: `user-${n}` }))) }
      }),
    )
    await running.dispatcher.drain()
    for (const { asker, id, challenge } of made) {
      const record = await world.challenges.find(asker.tenantId, asker.rpId, challenge.id)
      const device = record?.devices.find(({ deviceId }) => deviceId === id)
      expect(device?.push).toMatchObject({ status: 'sent' })
    }
  })
})
