import { type Dependencies as ReadDependencies, readDevice } from '../devices/read-devices.ts'
import { activity } from '../domain/activity.ts'
import type { Device } from '../domain/device.ts'
import type { DeviceId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { TestPushRefusal } from '../domain/test-push.ts'
import { checkTestPush, testPushesPerHourMax, testPushGapSeconds } from '../domain/test-push.ts'
import type { Random } from '../platform/world.ts'
import type { ProtectionReader } from '../users/protection-reader.store.ts'
import type { Dispatcher } from './delivery.store.ts'
import type { TestPush, TestPushOutcome, TestPushStore } from './test-push.store.ts'

export type Dependencies = ReadDependencies & {
  readonly testPushes: TestPushStore
  readonly protections: ProtectionReader
  readonly dispatcher: Pick<Dispatcher, 'leaseHolder' | 'dispatch'>
  readonly random: Pick<Random, 'id'>
}

const attemptsMax = 5

/**
 * Sends a harmless push to one device, so that an admin sees whether pushes reach it. Not to a user
 * who has paused pushes or reported something, and only a few an hour: the holder of an API key
 * must not be able to fatigue a user by it.
 */
export async function pushTest(
  dependencies: Dependencies,
  principal: Principal,
  deviceId: DeviceId,
): Promise<TestPush | TestPushRefusal | Refusal<'not_found' | 'conflict' | 'test_push_too_soon'>> {
  for (let attempts = 0; attempts < attemptsMax; attempts++) {
    const device = await readDevice(dependencies, principal, deviceId)
    if (isRefusal(device)) return device
    const record = await dependencies.protections.find(device.tenantId, device.userId)
    if (!record) return refuse('not_found')
    const fault = checkTestPush(device, record.protection, record.now)
    if (fault) return fault
    const result = await enqueue(dependencies, principal, device, record.protection.revision)
    if (result.kind === 'too_soon') {
      return refuse('test_push_too_soon', { retryAfterSeconds: result.retryAfterSeconds })
    }
    if (result.kind === 'owed') {
      dependencies.dispatcher.dispatch(result.pushes)
      return (
        (await dependencies.testPushes.findLast(device.tenantId, deviceId)) ?? refuse('not_found')
      )
    }
  }
  return refuse('conflict', { retryAfterSeconds: 1 })
}

function enqueue(
  { testPushes, random, dispatcher }: Dependencies,
  { keyId }: Principal,
  { tenantId, id: deviceId, userId }: Device,
  protectionRevision: number,
): Promise<TestPushOutcome> {
  const actor = `api_key:${keyId}` as const
  return testPushes.enqueue({
    tenantId,
    userId,
    deviceId,
    id: random.id('delivery'),
    protectionRevision,
    gapSeconds: testPushGapSeconds,
    perHourMax: testPushesPerHourMax,
    activity: activity({ userId, type: 'test_pushed', actor, deviceId }),
    leasedBy: dispatcher.leaseHolder,
  })
}

/** The outcome of the last test push to a device. */
export async function readTestPush(
  dependencies: Pick<Dependencies, 'devices' | 'users' | 'testPushes'>,
  principal: Principal,
  deviceId: DeviceId,
): Promise<TestPush | Refusal<'not_found'>> {
  const device = await readDevice(dependencies, principal, deviceId)
  if (isRefusal(device)) return device
  const last = await dependencies.testPushes.findLast(principal.tenantId, deviceId)
  return last ?? refuse('not_found')
}
