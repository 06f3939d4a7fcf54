import { activity } from '../domain/activity.ts'
import type { Device } from '../domain/device.ts'
import type { DeviceId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import { checkTestPush, testPushesPerHourMax, testPushGapSeconds } from '../domain/test-push.ts'
import type { Dispatcher } from '../ports/delivery-store.ts'
import type { ProtectionStore } from '../ports/protection-store.ts'
import type { Owed, TestPush, TestPushStore } from '../ports/test-push-store.ts'
import type { Random } from '../ports/world.ts'
import { type Needs as ReadNeeds, readDevice } from './read-devices.ts'

export type Needs = ReadNeeds & {
  readonly testPushes: TestPushStore
  readonly protections: Pick<ProtectionStore, 'find'>
  readonly dispatcher: Pick<Dispatcher, 'leaseHolder' | 'dispatch'>
  readonly random: Pick<Random, 'id'>
}

const triesMax = 5

/**
 * Sends a harmless push to one device, so that an admin sees whether pushes reach it. Not to a user who wants no pushes or has
 * reported something, and no more than a few an hour: whoever holds an API key must not be able to wear anybody down by it.
 */
export async function pushTest(
  needs: Needs,
  principal: Principal,
  deviceId: DeviceId,
): Promise<TestPush | Refusal> {
  for (let tries = 0; tries < triesMax; tries++) {
    const device = await readDevice(needs, principal, deviceId)
    if (isRefusal(device)) return device
    const record = await needs.protections.find(device.tenantId, device.userId)
    if (!record) return refuse('not_found')
    const fault = checkTestPush(device, record.protection, record.now)
    if (fault) return fault
    const owed = await owe(needs, principal, device, record.protection.revision)
    if (owed.kind === 'too_soon') {
      return refuse('test_push_too_soon', { retryAfterSeconds: owed.retryAfterSeconds })
    }
    if (owed.kind === 'owed') {
      needs.dispatcher.dispatch(owed.pushes)
      return (await needs.testPushes.findLast(device.tenantId, deviceId)) ?? refuse('not_found')
    }
  }
  return refuse('conflict', { retryAfterSeconds: 1 })
}

function owe(
  { testPushes, random, dispatcher }: Needs,
  { keyId }: Principal,
  { tenantId, id: deviceId, userId }: Device,
  protectionRevision: number,
): Promise<Owed> {
  const actor = `api_key:${keyId}` as const
  return testPushes.owe({
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

/** What became of the last test push to a device. */
export async function readTestPush(
  needs: Pick<Needs, 'devices' | 'users' | 'testPushes'>,
  principal: Principal,
  deviceId: DeviceId,
): Promise<TestPush | Refusal> {
  const device = await readDevice(needs, principal, deviceId)
  if (isRefusal(device)) return device
  const last = await needs.testPushes.findLast(principal.tenantId, deviceId)
  return last ?? refuse('not_found')
}
