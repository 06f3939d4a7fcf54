import { beforeEach, describe, expect, test } from 'vitest'
import { refuse } from '../../src/domain/refusal.ts'
import {
  type Admission,
  buildAdmission,
  recentAddressesMax,
  recentAddressTtlMs,
} from '../../src/http/admission.ts'
import { buildQueues, tokenQueueLimits } from '../../src/open-fair-queues.ts'
import { buildFairQueue } from '../../src/outbound/fair-queue.ts'

const full = {
  running: 0,
  runningInLine: 0,
  waiting: 0,
  waitingInLine: 0,
  waitMs: 1,
  refusalMs: 0,
  refusals: 0,
}
const shed = { refused: 'too_many_requests', retryAfterSeconds: 1 }
const letIn = async () => 'let in'
const refused = async () => refuse('api_key_invalid')

let now: number
/** With no room for strangers, so that only those who are known get in. */
let admission: Admission
/** With room for one stranger at a time. */
let open: Admission

beforeEach(() => {
  now = 0
  const crowded = buildFairQueue(full)
  const clock = { now: () => now }
  admission = buildAdmission({
    clientQueue: crowded,
    deviceQueue: crowded,
    tokenQueue: crowded,
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
  const strangers = buildFairQueue(one)
  open = buildAdmission({
    clientQueue: strangers,
    deviceQueue: strangers,
    tokenQueue: strangers,
    ...clock,
  })
})

/** Lets the address in by a door that is open; the known are known to `open` alone. */
const isKnown = async (address: string) => {
  const judgement = open.authenticate(address, null, async () => 'at once')
  const before = await Promise.race([judgement, new Promise((resolve) => setImmediate(resolve))])
  return before === 'at once'
}

/** Takes the one place that strangers have. */
function crowd(): () => void {
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
  test('is a stranger until it has authenticated, and is judged at once from then on', async () => {
    await open.authenticate('203.0.113.7', ['api_key', 'key'], letIn)
    crowd()
    expect(await isKnown('203.0.113.8')).toBe(false)
    expect(await isKnown('203.0.113.7')).toBe(true)
  })

  test('is not known by being refused', async () => {
    await open.authenticate('203.0.113.7', ['api_key', 'key'], refused)
    crowd()
    expect(await isKnown('203.0.113.7')).toBe(false)
  })

  test('is not known by what says nothing of the caller', async () => {
    await open.lookUp('203.0.113.7', ['signing_keys', 'tenant'], letIn)
    crowd()
    expect(await isKnown('203.0.113.7')).toBe(false)
  })

  test('is a stranger again when it has authenticated nothing for a minute', async () => {
    await open.authenticate('203.0.113.7', ['api_key', 'key'], letIn)
    crowd()
    now += recentAddressTtlMs - 1
    expect(await isKnown('203.0.113.7')).toBe(true)
    now += recentAddressTtlMs
    expect(await isKnown('203.0.113.7')).toBe(false)
  })

  test('in IPv6 is known with its /64, in which a machine changes its address, and no wider', async () => {
    await open.authenticate('2001:db8:1:2::1', ['api_key', 'key'], letIn)
    crowd()
    expect(await isKnown('2001:db8:1:2:aaaa::9')).toBe(true)
    expect(await isKnown('2001:db8:1:3::1')).toBe(false)
  })

  test('in IPv4 is the same when it arrives as IPv6', async () => {
    await open.authenticate('::ffff:203.0.113.7', ['api_key', 'key'], letIn)
    crowd()
    expect(await isKnown('::ffff:203.0.113.7')).toBe(true)
    expect(await isKnown('::ffff:203.0.113.8')).toBe(false)
  })

  test.each(['authenticate', 'serveDevice', 'authenticateToken'] as const)(
    'is known by %s',
    async (by) => {
      const address = '203.0.113.7'
      if (by === 'authenticate') await open.authenticate(address, null, letIn)
      if (by === 'serveDevice') await open.serveDevice(address, letIn, () => true)
      if (by === 'authenticateToken')
        await open.authenticateToken(address, { tenantId: 'tnt_1', integration: 'int_1' }, letIn)
      crowd()
      expect(await isKnown(address)).toBe(true)
    },
  )

  test('is not known by a device whose proof was not believed', async () => {
    await open.serveDevice('203.0.113.7', letIn, () => false)
    crowd()
    expect(await isKnown('203.0.113.7')).toBe(false)
  })
})

test('whoever was quiet for the longest time is forgotten first, so that memory is bounded', async () => {
  for (let at = 0; at <= recentAddressesMax; at++) {
    now += 1
    await open.authenticate(
      `2001:db8:${(at >> 8).toString(16)}:${(at & 255).toString(16)}::1`,
      null,
      letIn,
    )
  }
  crowd()
  expect(await isKnown('2001:db8:0:0::1')).toBe(false)
  expect(await isKnown('2001:db8:0:1::1')).toBe(true)
})

test('equal calls of a stranger that wait share one turn and one judgement', async () => {
  const leave = crowd()
  let judged = 0
  const judging = async () => {
    judged++
    return 'let in'
  }
  const calls = Array.from({ length: 500 }, () =>
    open.authenticate('203.0.113.7', ['api_key', 'key'], judging),
  )
  const other = open.authenticate('203.0.113.7', ['api_key', 'another key'], refused)
  leave()
  expect(new Set(await Promise.all(calls))).toEqual(new Set(['let in']))
  expect(judged).toBe(1)
  expect(await other).toEqual(refuse('api_key_invalid'))
})

test('what is shown where something else belongs shares nothing with it, whatever it says', async () => {
  const leave = crowd()
  const address = '203.0.113.7'
  const calls = [
    open.authenticate(address, ['portal_session', 'a b'], letIn),
    open.authenticate(address, ['api_key', 'a b'], refused),
    open.lookUp(address, ['realm_door', 'a b'], refused),
    open.authenticate(address, ['door', 'a', 'b'], refused),
    open.authenticate(address, ['door', 'a', 'null'], letIn),
    open.authenticate(address, ['door', 'a', null], refused),
  ]
  leave()
  const no = refuse('api_key_invalid')
  expect(await Promise.all(calls)).toEqual(['let in', no, no, no, 'let in', no])
})

test('calls without a name share nothing', async () => {
  const leave = crowd()
  const calls = [
    open.authenticate('203.0.113.7', null, letIn),
    open.authenticate('203.0.113.7', null, refused),
  ]
  leave()
  expect(await Promise.all(calls)).toEqual(['let in', refuse('api_key_invalid')])
})

test('where there is no room everything of strangers is refused, and nothing of it is begun', async () => {
  let begun = 0
  const work = async () => {
    begun++
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
  ).toEqual(Array(5).fill(shed))
  expect(begun).toBe(0)
})

test.each([
  ['203.0.113.7', '203.0.113.8', true],
  ['203.0.113.7', '203.0.114.7', false],
  ['2001:db8:1:2::1', '2001:db8:1:3::1', true],
  ['2001:db8:1:2::1', '2001:db8:2:2::1', false],
])('%s and %s wait in one line: %s', async (one, other, together) => {
  const turns = buildFairQueue({
    running: 2,
    runningInLine: 1,
    waiting: 9,
    waitingInLine: 9,
    waitMs: 60_000,
    refusalMs: 0,
    refusals: 0,
  })
  const judging = buildAdmission({ clientQueue: turns, deviceQueue: turns, tokenQueue: turns })
  let begun = 0
  const forEver = () => {
    begun++
    return new Promise<string>(() => undefined)
  }
  void judging.authenticate(one, null, forEver)
  void judging.authenticate(other, null, forEver)
  expect(begun).toBe(together ? 1 : 2)
})

test('a tenant whose realms hang leaves places for the tokens of others, by however many integrations they are shown', async () => {
  const { admission: judging } = buildQueues(16)
  const begun: string[] = []
  const judge = (tenantId: string, integration: string) =>
    judging.authenticateToken('203.0.113.7', { tenantId, integration }, () => {
      begun.push(tenantId)
      return new Promise<string>(() => undefined)
    })
  for (let n = 0; n < 20; n++) void judge('tnt_hangs', `int_${n % 10}`)
  void judge('tnt_other', 'int_11')
  expect(begun.filter((of) => of === 'tnt_hangs')).toHaveLength(tokenQueueLimits.running / 2)
  expect(begun).toContain('tnt_other')
})
