import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ChallengeId } from '../../src/domain/ids.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { buildDispatcher } from '../../src/push/push-dispatcher.ts'
import { startSweeps } from '../../src/service/sweeps.ts'
import { aLog, aProvider } from '../push/provider.ts'
import { until } from '../support/until.ts'
import {
  aPhone,
  aPrincipal,
  ask,
  granted,
  openWorld,
  type Phone,
  type World,
} from '../support/world.ts'

let world: World
let principal: Principal
let phone: Phone
let worker: ReturnType<typeof aWorker> | undefined

beforeAll(async () => {
  world = await openWorld()
})
// Sweeps take all due work, of every tenant: each test begins with an empty queue.
beforeEach(async () => {
  await sql('empty', 'delete from deliveries')
  world.dispatchedPushes.length = 0
  principal = await aPrincipal(world)
  phone = await aPhone(world, principal)
})
afterEach(async () => {
  await worker?.sweeps.stop()
  worker = undefined
})
afterAll(() => world.close())

/** A worker process: sweeps and a dispatcher of its own. */
function aWorker(
  answer: Parameters<typeof aProvider>[0],
  changes: Partial<Parameters<typeof startSweeps>[0]> = {},
) {
  const { push, sentPushes } = aProvider(answer)
  const { log, lines } = aLog()
  const dispatcher = buildDispatcher({
    ...world,
    push,
    leaseHolder: { name: 'worker', isPresent: () => true },
    originHash: 'origin',
    log,
  })
  const nothing = async () => undefined
  const webhookDispatcher = { work: nothing, refresh: nothing, pauseFailing: async () => 0 }
  const callbackDispatcher = { work: nothing }
  const parts = { ...world, dispatcher, webhookDispatcher, callbackDispatcher, log }
  const sweeps = startSweeps({ ...parts, scanEveryMs: 50, ...changes })
  return { sweeps, sentPushes, lines, dispatcher }
}
const accept = () => ({ kind: 'accepted', providerMessageId: 'apns-1' }) as const

const sql = (name: string, text: string, ...values: unknown[]) =>
  world.database.query<Record<string, unknown>>(name, text, values)
/** Asks on an unused budget, so that each is pushed. */
async function ask1() {
  await sql('forget_pushes', 'delete from initiators')
  return (await granted(ask(world, principal))).challenge.id
}
async function pushOf(id: ChallengeId) {
  const record = await world.challenges.find(principal.tenantId, principal.rpId, id)
  return record?.devices[0]?.push
}

describe('a push whose process died between commit and send', () => {
  test('is sent by another process once the lease is over, and not before', async () => {
    const id = await ask1()
    const [mine] = world.dispatchedPushes
    worker = aWorker(accept)
    const over = await ask1()
    await sql(
      'end_lease',
      'update deliveries set leased_until = clock_timestamp() where challenge_id = $1',
      over,
    )
    await until(
      'the one without a lease is sent',
      async () => (await pushOf(over))?.status === 'sent',
    )
    expect(await pushOf(id)).toMatchObject({ status: 'queued', attempts: 1 })
    await sql(
      'end_lease',
      'update deliveries set leased_until = clock_timestamp() where challenge_id = $1',
      id,
    )
    await until('the other is sent too', async () => (await pushOf(id))?.status === 'sent')
    expect(worker.sentPushes.map(({ deliveryId }) => deliveryId)).toContain(mine?.id)
    expect(worker.sentPushes.map(({ deviceId }) => deviceId)).toEqual([phone.id, phone.id])
    expect(await pushOf(id)).toMatchObject({ attempts: 2 })
  })

  test('is not sent at all once its challenge has ended', async () => {
    const id = await ask1()
    await sql(
      'end_challenge',
      `update challenges
       set status = 'cancelled', decided_at = clock_timestamp(), number_sealed = null
       where id = $1`,
      id,
    )
    const live = await ask1()
    await sql('end_leases', 'update deliveries set leased_until = clock_timestamp()')
    worker = aWorker(accept)
    await until('the live one is sent', async () => (await pushOf(live))?.status === 'sent')
    expect(worker.sentPushes.map(({ challengeId }) => challengeId)).toEqual([live])
  })
})

describe('sweeping', () => {
  test('ends challenges whose time is over, and notifies every waiting client', async () => {
    const id = await ask1()
    await sql('run_out', 'update challenges set expires_at = clock_timestamp() where id = $1', id)
    worker = aWorker(accept)
    await until('the end is signaled', () => world.publishedKeys.includes(id))
    const record = await world.challenges.find(principal.tenantId, principal.rpId, id)
    expect(record?.challenge.status).toBe('expired')
  })

  test('takes no more pushes than this process can work on: the rest is left to others', async () => {
    const id = await ask1()
    // 1,500 further pushes of one challenge, pending and due, by six apps.
    const users = ['b', 'c', 'd', 'e', 'f', 'g']
    const phones = []
    for (const user of users) phones.push((await aPhone(world, principal, { user })).id)
    await sql('apps', 'update devices set app_id = id where id = any($1::text[])', phones)
    await sql(
      'backlog',
      `insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, due_at)
       select tenant_id, 'dlv_' || n, kind, challenge_id, ($2::text[])[n % 6 + 1], 'queued',
         clock_timestamp()
       from deliveries, generate_series(1, 1500) as n where challenge_id = $1`,
      id,
      phones,
    )
    worker = aWorker(() => new Promise(() => undefined))
    const { dispatcher } = worker
    await until('it is at capacity', () => dispatcher.inFlight() >= 1_000)
    // The expiry sweep runs half as often: when it has run, the deliveries' sweep has run again.
    const over = await ask1()
    await sql('run_out', 'update challenges set expires_at = clock_timestamp() where id = $1', over)
    await until('a run has passed', () => world.publishedKeys.includes(over))
    expect(dispatcher.inFlight()).toBe(1_000)
    const free = await sql(
      'free',
      `select id from deliveries where status = 'queued' and leased_by is null
         and kind = 'challenge_opened'`,
    )
    expect(free).toHaveLength(500)
  })

  test('a push service that answers nothing to thousands delays none that go elsewhere', async () => {
    const dead = await ask1()
    await sql(
      'backlog_of_thousands',
      `insert into deliveries (tenant_id, id, kind, challenge_id, device_id, status, due_at)
       select tenant_id, 'dlv_' || n, kind, challenge_id, device_id, 'queued',
         clock_timestamp() - interval '1 hour'
       from deliveries, generate_series(1, 3000) as n where challenge_id = $1`,
      dead,
    )
    const other = await aPhone(world, principal, { user: 'bob' })
    await sql(
      'another_app',
      `update devices set app_id = 'com.example.other' where id = $1`,
      other.id,
    )
    await sql('forget_pushes', 'delete from initiators')
    const creation = await granted(ask(world, principal, { user: 'bob' }))
    await sql('end_leases', 'update deliveries set leased_until = clock_timestamp()')
    worker = aWorker(({ address }) =>
      address.appId === 'com.example.other' ? accept() : new Promise(() => undefined),
    )
    await until('the other is sent', async () => {
      return (await pushOf(creation.challenge.id))?.status === 'sent'
    })
    expect(worker.dispatcher.inFlight()).toBeLessThan(1_000)
    expect(worker.dispatcher.fullLanes()).toHaveLength(1)
  })

  test('goes on after a failure, which is logged', async () => {
    let failures = 0
    const deliveries = {
      ...world.deliveries,
      claim: (...args: Parameters<World['deliveries']['claim']>) =>
        failures++ < 2 ? Promise.reject(new Error('away')) : world.deliveries.claim(...args),
    }
    const id = await ask1()
    await sql('end_leases', 'update deliveries set leased_until = clock_timestamp()')
    const counts: number[] = []
    const observeSweep = (sweep: string, count: number) => {
      if (sweep === 'deliveries') counts.push(count)
    }
    worker = aWorker(accept, { deliveries, observeSweep })
    await until('it is sent all the same', async () => (await pushOf(id))?.status === 'sent')
    const messages = worker.lines.filter(({ facts }) => facts.sweep === 'deliveries')
    expect(messages.map(({ message }) => message)).toEqual([
      'sweep failed; it will be tried again',
      'sweep works again',
    ])
    expect(counts.slice(0, 3)).toEqual([1, 2, 0])
  })

  test('stops after the run in progress, and never runs again', async () => {
    let claims = 0
    let release: () => void = () => undefined
    const deliveries = {
      ...world.deliveries,
      claim: async () => {
        claims += 1
        await new Promise<void>((resolve) => (release = resolve))
        return []
      },
    }
    await ask1()
    await sql('end_leases', 'update deliveries set leased_until = clock_timestamp()')
    worker = aWorker(accept, { deliveries })
    await until('a run is in progress', () => claims === 1)
    let isStopped = false
    const stopping = worker.sweeps.stop().then(() => {
      isStopped = true
    })
    await sql('a_moment', 'select 1')
    expect(isStopped).toBe(false)
    release()
    await stopping
    expect(claims).toBe(1)
  })
})
