// What callers can do with devices.

export { readDeviceProof } from './authenticate-device.ts'
export { changeDevice } from './change-device.ts'
export { changeUser } from './change-user.ts'
export { listDiagnostics, readDiagnostics, sendDiagnostics } from './diagnostics/diagnostics.ts'
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
export { unregisterByTime } from './unregister-by-time.ts'
export { unregisterAllDevices, unregisterDevice } from './unregister-devices.ts'
