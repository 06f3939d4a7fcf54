import {
  authenticateDevice,
  type Dependencies as DeviceDependencies,
  type ProofRefusal,
} from '../devices/authenticate-device.ts'
import type { DeviceStore } from '../devices/device.store.ts'
import { type Dependencies as ReadDependencies, readDevice } from '../devices/read-devices.ts'
import { type Actor, activity } from '../domain/activity.ts'
import type { Device } from '../domain/device.ts'
import type { DeviceProof } from '../domain/device-proof.ts'
import type { DeliveryId, DeviceId } from '../domain/ids.ts'
import type { PortalSession } from '../domain/portal.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, type RefusalCode, refuse } from '../domain/refusal.ts'
import type { TestPushRefusal } from '../domain/test-push.ts'
import { checkTestPush, testPushesPerHourMax, testPushGapSeconds } from '../domain/test-push.ts'
import type { Random } from '../platform/world.ts'
import type { ProtectionReader } from '../users/protection-reader.store.ts'
import type { Dispatcher } from './delivery.store.ts'
import type { NewTestPush, TestPush, TestPushOutcome, TestPushStore } from './test-push.store.ts'

type SendDependencies = {
  readonly testPushes: TestPushStore
  readonly protections: ProtectionReader
  readonly dispatcher: Pick<Dispatcher, 'leaseHolder' | 'dispatch'>
  readonly random: Pick<Random, 'id'>
}

export type Dependencies = ReadDependencies & SendDependencies

const attemptsMax = 5

type SendRefusal = TestPushRefusal | Refusal<'not_found' | 'conflict' | 'test_push_too_soon'>

/**
 * Sends a harmless push to one device, so that an admin sees whether pushes reach it. Not to a user
 * who has paused pushes or reported something, and only a few an hour: the holder of an API key
 * must not be able to fatigue a user by it.
 */
export function pushTest(
  dependencies: Dependencies,
  principal: Principal,
  deviceId: DeviceId,
): Promise<TestPush | SendRefusal> {
  return sendTest<'not_found'>(dependencies, {
    find: () => readDevice(dependencies, principal, deviceId),
    actor: `api_key:${principal.keyId}`,
    enqueue: (push) => dependencies.testPushes.enqueue(push),
  })
}

/** The same at the request of the user in the portal, within the same limits. */
export function pushTestFromPortal(
  dependencies: SendDependencies & { readonly devices: Pick<DeviceStore, 'find'> },
  { tenantId, id, userId }: PortalSession,
  deviceId: DeviceId,
): Promise<TestPush | SendRefusal> {
  return sendTest<'not_found'>(dependencies, {
    find: async () => {
      const device = await dependencies.devices.find(tenantId, deviceId)
      return device?.userId === userId ? device : refuse('not_found')
    },
    actor: `portal:${id}`,
    enqueue: (push) => dependencies.testPushes.enqueue(push),
  })
}

/** The same at the request of the device itself, within the same limits. */
export function pushOwnTest(
  dependencies: DeviceDependencies & SendDependencies,
  proof: DeviceProof,
): Promise<TestPush | SendRefusal | ProofRefusal | Refusal<'proof_replayed'>> {
  const { testPushes } = dependencies
  let isSpent = false
  return sendTest<ProofRefusal['refused'] | 'proof_replayed'>(dependencies, {
    find: () => authenticateDevice(dependencies, proof),
    actor: `device:${proof.deviceId}`,
    async enqueue(push) {
      const spending = { ...proof, isSpent }
      isSpent = true
      const result = await testPushes.enqueueWithProof(push, spending)
      return typeof result === 'string' ? refuse(result) : result
    },
  })
}

async function sendTest<Code extends RefusalCode>(
  dependencies: SendDependencies,
  request: {
    readonly find: () => Promise<Device | Refusal<Code>>
    readonly actor: Actor
    readonly enqueue: (push: NewTestPush) => Promise<TestPushOutcome | Refusal<Code>>
  },
): Promise<TestPush | SendRefusal | Refusal<Code>> {
  const { protections, testPushes, dispatcher } = dependencies
  for (let attempts = 0; attempts < attemptsMax; attempts++) {
    const device = await request.find()
    if (isRefusal(device)) return device
    const record = await protections.find(device.tenantId, device.userId)
    if (!record) return refuse('not_found')
    const fault = checkTestPush(device, record.protection, record.now)
    if (fault) return fault
    const push = newTestPush(dependencies, device, request.actor, record.protection.revision)
    const result = await request.enqueue(push)
    if (isRefusal(result)) return result
    if (result.kind === 'too_soon') {
      return refuse('test_push_too_soon', { retryAfterSeconds: result.retryAfterSeconds })
    }
    if (result.kind === 'owed') {
      dispatcher.dispatch(result.pushes)
      return (await testPushes.findLast(device.tenantId, device.id)) ?? refuse('not_found')
    }
  }
  return refuse('conflict', { retryAfterSeconds: 1 })
}

function newTestPush(
  { random, dispatcher }: SendDependencies,
  { tenantId, id: deviceId, userId }: Device,
  actor: Actor,
  protectionRevision: number,
): NewTestPush {
  return {
    tenantId,
    userId,
    deviceId,
    id: random.id('delivery'),
    protectionRevision,
    gapSeconds: testPushGapSeconds,
    perHourMax: testPushesPerHourMax,
    activity: activity({ userId, type: 'test_pushed', actor, deviceId }),
    leasedBy: dispatcher.leaseHolder,
  }
}

/** Records a device's receipt of a test push, so that its help desk sees that it arrived. */
export async function confirmTestPush(
  dependencies: DeviceDependencies & { readonly testPushes: Pick<TestPushStore, 'confirm'> },
  proof: DeviceProof,
  id: DeliveryId,
): Promise<ProofRefusal | Refusal<'not_found' | 'proof_replayed'> | undefined> {
  const device = await authenticateDevice(dependencies, proof)
  if (isRefusal(device)) return device
  const result = await dependencies.testPushes.confirm(id, proof)
  if (result === 'done') return undefined
  return refuse(result ?? 'not_found')
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
