// What callers can do with devices. What is seldom done is loaded when it is first called.

import { loadedLate } from '../platform/loaded-late.ts'

export { readDeviceProof } from './authenticate-device.ts'
export { changeDevice } from './change-device.ts'
export { changeUser } from './change-user.ts'
export { rotateKey } from './keys/rotate-key.ts'
export {
  listOwnDevices,
  readSelf,
  unregisterOther,
  unregisterSelf,
  updateSelf,
} from './own-devices.ts'
export { listDevices, readDevice } from './read-devices.ts'
export { readKeySetLinks } from './read-key-set-links.ts'
export { rotatePushToken } from './rotate-push-token.ts'
export { unregisterAllDevices, unregisterDevice } from './unregister-devices.ts'

const diagnostics = () => import('./diagnostics/diagnostics.ts')
export const listDiagnostics = loadedLate(async () => (await diagnostics()).listDiagnostics)
export const readDiagnostics = loadedLate(async () => (await diagnostics()).readDiagnostics)
export const sendDiagnostics = loadedLate(async () => (await diagnostics()).sendDiagnostics)

export const unregisterByTime = loadedLate(
  async () => (await import('./unregister-by-time.ts')).unregisterByTime,
)
