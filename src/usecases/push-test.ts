import { activity } from '../domain/activity.ts'
import type { Device } from '../domain/device.ts'
import type { DeviceId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { Dispatcher } from '../ports/delivery-store.ts'
import type { TestPush, TestPushStore } from '../ports/test-push-store.ts'
import type { Random } from '../ports/world.ts'
import { type Needs as ReadNeeds, readDevice } from './read-devices.ts'

export type Needs = ReadNeeds & {
  readonly testPushes: TestPushStore
  readonly dispatcher: Pick<Dispatcher, 'leaseHolder' | 'dispatch'>
  readonly random: Pick<Random, 'id'>
}

/** Time between two test pushes to one device. */
const testPushGapSeconds = 10

/** Why a device cannot be pushed at all; undefined when it can. */
function unreachable({ status, hasPushToken }: Device): Refusal | undefined {
  if (status === 'unregistered') return refuse('device_unregistered')
  if (status === 'suspended') return refuse('device_suspended')
  if (status === 'unconfirmed') return refuse('device_not_active')
  return hasPushToken ? undefined : refuse('no_push_token')
}

/** Sends a harmless push to one device, so that an admin sees whether pushes reach it. */
export async function pushTest(
  needs: Needs,
  principal: Principal,
  deviceId: DeviceId,
): Promise<TestPush | Refusal> {
  const device = await readDevice(needs, principal, deviceId)
  if (isRefusal(device)) return device
  const fault = unreachable(device)
  if (fault) return fault
  const { tenantId, keyId } = principal
  const due = await needs.testPushes.owe({
    tenantId,
    deviceId,
    id: needs.random.id('delivery'),
    gapSeconds: testPushGapSeconds,
    activity: activity({
      userId: device.userId,
      type: 'test_pushed',
      actor: `api_key:${keyId}`,
      deviceId,
    }),
    leasedBy: needs.dispatcher.leaseHolder,
  })
  if (!due) return refuse('test_push_too_soon', { retryAfterSeconds: testPushGapSeconds })
  needs.dispatcher.dispatch(due)
  return (await needs.testPushes.findLast(tenantId, deviceId)) ?? refuse('not_found')
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
