import { notAttested } from '../../src/domain/attestation.ts'
import type { Device } from '../../src/domain/device.ts'

/** An active browser as it is stored, with what differs. */
export function aStoredDevice(
  changes: Pick<Device, 'tenantId' | 'id' | 'userId'> & Partial<Device>,
): Device {
  const at = new Date(0)
  return {
    enrollmentId: 'enr_01h455vb4pex5vsknk084sn02q',
    status: 'active',
    name: 'Browser',
    platform: 'web',
    model: 'm',
    osVersion: '1',
    appId: 'countersign.web',
    appVersion: '1',
    protocolVersion: 2,
    ...{ language: null, parentDeviceId: null, hasPushToken: false },
    ...{ hasVerificationKey: true, passkey: null, attestation: notAttested },
    ...{ createdAt: at, activatedAt: at, lastSeenAt: null },
    ...{ unregisteredAt: null, unregisterReason: null, suspendedAt: null },
    ...changes,
  }
}
