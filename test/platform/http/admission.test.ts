import { beforeEach, describe, expect, test } from 'vitest'
import { refuse } from '../../../src/domain/refusal.ts'
import {
  type Admission,
  buildAdmission,
  recentAddressesMax,
  recentAddressTtlMs,
} from '../../../src/platform/http/admission.ts'
import { buildFairQueue } from '../../../src/platform/net/bounded-fair-queue.ts'
import { buildQueues, tokenQueueLimits } from '../../../src/service/open-fair-queues.ts'

const full = {
  running: 0,
  runningInLine: 0,
  waiting: 0,
  waitingInLine: 0,
  waitMs: 1,
  refusalMs: 0,
  refusals: 0,
}
const overload = { refused: 'too_many_requests', retryAfterSeconds: 1 }
const allow = async () => 'admitted'
const deny = async () => refuse('api_key_invalid')

let now: number
/** With no room for unauthenticated clients: only recently authenticated addresses are admitted. */
let admission: Admission
/** With room for one unauthenticated client at a time. */
let open: Admission

beforeEach(() => {
  // Of a process that has been running for an hour.
  now = 3_600_000
  const fullQueue = buildFairQueue(full)
  const clock = { now: () => now }
  admission = buildAdmission({
    clientQueue: fullQueue,
    deviceQueue: fullQueue,
    tokenQueue: fullQueue,
    ...clock,
  })
  const one = {
    running: 1,
    runningInLine: 1,
    waiting: 10,
    waitingInLine: 10,
    waitMs: 60_000,
    refusalMs: 0,
    refusals: 0,
  }
  const oneSlotQueue = buildFairQueue(one)
  open = buildAdmission({
    clientQueue: oneSlotQueue,
    deviceQueue: oneSlotQueue,
    tokenQueue: oneSlotQueue,
    ...clock,
  })
})

/** Whether `open` serves the address immediately; only `open` has recent addresses here. */
const isRecentlyAuthenticated = async (address: string) => {
  const authentication = open.authenticate(address, null, async () => 'immediately')
  const before = await Promise.race([
    authentication,
    new Promise((resolve) => setImmediate(resolve)),
  ])
  return before === 'immediately'
}

/** Takes the only slot of unauthenticated clients. */
function fillSlot(): () => void {
  let leave: () => void = () => undefined
  void open.lookUp(
    '198.51.100.1',
    ['signing_keys', 'x'],
    () =>
      new Promise<string>((resolve) => {
        leave = () => resolve('over')
      }),
  )
  return leave
}

describe('an address', () => {
  test('an address is unauthenticated until a success, and then served immediately', async () => {
    await open.authenticate('203.0.113.7', ['api_key', 'key'], allow)
    fillSlot()
    expect(await isRecentlyAuthenticated('203.0.113.8')).toBe(false)
    expect(await isRecentlyAuthenticated('203.0.113.7')).toBe(true)
  })

  test('an address is not recently authenticated by a refusal', async () => {
    await open.authenticate('203.0.113.7', ['api_key', 'key'], deny)
    fillSlot()
    expect(await isRecentlyAuthenticated('203.0.113.7')).toBe(false)
  })

  test('an address is not recently authenticated by what says nothing of the caller', async () => {
    await open.lookUp('203.0.113.7', ['signing_keys', 'tenant'], allow)
    fillSlot()
    expect(await isRecentlyAuthenticated('203.0.113.7')).toBe(false)
  })

  test('is unauthenticated again when it has authenticated nothing for a minute', async () => {
    await open.authenticate('203.0.113.7', ['api_key', 'key'], allow)
    fillSlot()
    now += recentAddressTtlMs - 1
    expect(await isRecentlyAuthenticated('203.0.113.7')).toBe(true)
    now += recentAddressTtlMs
    expect(await isRecentlyAuthenticated('203.0.113.7')).toBe(false)
  })

  test('in IPv6 counts with its /64, in which machines change addresses, no wider', async () => {
    await open.authenticate('2001:db8:1:2::1', ['api_key', 'key'], allow)
    fillSlot()
    expect(await isRecentlyAuthenticated('2001:db8:1:2:aaaa::9')).toBe(true)
    expect(await isRecentlyAuthenticated('2001:db8:1:3::1')).toBe(false)
  })

  test('an address in IPv4 is the same when it arrives as IPv6', async () => {
    await open.authenticate('::ffff:203.0.113.7', ['api_key', 'key'], allow)
    fillSlot()
    expect(await isRecentlyAuthenticated('::ffff:203.0.113.7')).toBe(true)
    expect(await isRecentlyAuthenticated('::ffff:203.0.113.8')).toBe(false)
  })

  test.each(['authenticate', 'serveDevice', 'authenticateToken'] as const)(
    'an address is recently authenticated by %s',
    async (by) => {
      const address = '203.0.113.7'
      if (by === 'authenticate') await open.authenticate(address, null, allow)
      if (by === 'serveDevice') await open.serveDevice(address, allow, () => true)
      if (by === 'authenticateToken')
        await open.authenticateToken(address, { tenantId: 'tnt_1', integration: 'int_1' }, allow)
      fillSlot()
      expect(await isRecentlyAuthenticated(address)).toBe(true)
    },
  )

  test('is not recently authenticated by a device whose proof was not verified', async () => {
    await open.serveDevice('203.0.113.7', allow, () => false)
    fillSlot()
    expect(await isRecentlyAuthenticated('203.0.113.7')).toBe(false)
  })
})

test('the longest quiet address is forgotten first, so that memory is bounded', async () => {
  for (let at = 0; at <= recentAddressesMax; at++) {
    now += 1
    await open.authenticate(
      `2001:db8:${(at >> 8).toString(16)}:${(at & 255).toString(16)}::1`,
      null,
      allow,
    )
  }
  fillSlot()
  expect(await isRecentlyAuthenticated('2001:db8:0:0::1')).toBe(false)
  expect(await isRecentlyAuthenticated('2001:db8:0:1::1')).toBe(true)
})

test('equal waiting calls of an unauthenticated client share one slot and one check', async () => {
  const leave = fillSlot()
  let checkCount = 0
  const check = async () => {
    checkCount++
    return 'admitted'
  }
  const calls = Array.from({ length: 500 }, () =>
    open.authenticate('203.0.113.7', ['api_key', 'key'], check),
  )
  const other = open.authenticate('203.0.113.7', ['api_key', 'another key'], deny)
  leave()
  expect(new Set(await Promise.all(calls))).toEqual(new Set(['admitted']))
  expect(checkCount).toBe(1)
  expect(await other).toEqual(refuse('api_key_invalid'))
})

test('a credential of one kind shares nothing with one of another kind', async () => {
  const leave = fillSlot()
  const address = '203.0.113.7'
  const calls = [
    open.authenticate(address, ['portal_session', 'a b'], allow),
    open.authenticate(address, ['api_key', 'a b'], deny),
    open.lookUp(address, ['realm_door', 'a b'], deny),
    open.authenticate(address, ['door', 'a', 'b'], deny),
    open.authenticate(address, ['door', 'a', 'null'], allow),
    open.authenticate(address, ['door', 'a', null], deny),
  ]
  leave()
  const no = refuse('api_key_invalid')
  expect(await Promise.all(calls)).toEqual(['admitted', no, no, no, 'admitted', no])
})

test('calls without a name share nothing', async () => {
  const leave = fillSlot()
  const calls = [
    open.authenticate('203.0.113.7', null, allow),
    open.authenticate('203.0.113.7', null, deny),
  ]
  leave()
  expect(await Promise.all(calls)).toEqual(['admitted', refuse('api_key_invalid')])
})

test('without room every unauthenticated call is refused, and no work begins', async () => {
  let startCount = 0
  const work = async () => {
    startCount++
    return 'done'
  }
  const address = '203.0.113.7'
  expect(
    await Promise.all([
      admission.authenticate(address, ['api_key', 'key'], work),
      admission.authenticate(address, null, work),
      admission.lookUp(address, ['signing_keys', 'tenant'], work),
      admission.authenticateToken(address, { tenantId: 'tnt_1', integration: 'int_1' }, work),
      admission.serveDevice(address, work, () => true),
    ]),
  ).toEqual(Array(5).fill(overload))
  expect(startCount).toBe(0)
})

test.each([
  ['203.0.113.7', '203.0.113.8', true],
  ['203.0.113.7', '203.0.114.7', false],
  ['2001:db8:1:2::1', '2001:db8:1:3::1', true],
  ['2001:db8:1:2::1', '2001:db8:2:2::1', false],
])('%s and %s wait in one line: %s', async (one, other, together) => {
  const queue = buildFairQueue({
    running: 2,
    runningInLine: 1,
    waiting: 9,
    waitingInLine: 9,
    waitMs: 60_000,
    refusalMs: 0,
    refusals: 0,
  })
  const admissionUnderTest = buildAdmission({
    clientQueue: queue,
    deviceQueue: queue,
    tokenQueue: queue,
  })
  let startCount = 0
  const neverEnding = () => {
    startCount++
    return new Promise<string>(() => undefined)
  }
  void admissionUnderTest.authenticate(one, null, neverEnding)
  void admissionUnderTest.authenticate(other, null, neverEnding)
  expect(startCount).toBe(together ? 1 : 2)
})

test('a tenant whose realms hang leaves slots for others, with any integrations', async () => {
  const { admission: admissionUnderTest } = buildQueues(16)
  const startedTenants: string[] = []
  const authenticate = (tenantId: string, integration: string) =>
    admissionUnderTest.authenticateToken('203.0.113.7', { tenantId, integration }, () => {
      startedTenants.push(tenantId)
      return new Promise<string>(() => undefined)
    })
  for (let n = 0; n < 20; n++) void authenticate('tnt_hangs', `int_${n % 10}`)
  void authenticate('tnt_other', 'int_11')
  expect(startedTenants.filter((of) => of === 'tnt_hangs')).toHaveLength(
    tokenQueueLimits.running / 2,
  )
  expect(startedTenants).toContain('tnt_other')
})
