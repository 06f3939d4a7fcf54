// What callers can do with portal.

export {
  askForPortal,
  beginPortalSignIn,
  enterPortal,
  readEntrance,
  readPendingSignIn,
} from './entrance/entrance.ts'
export {
  createRecoveryCodesInPortal,
  readPortalFactors,
  verifyInPortal,
} from './portal-codes.ts'
export { exportFromPortal, requestErasure } from './portal-data.ts'
export {
  listPortalDevices,
  readPortalDevice,
  readPortalPushes,
  renameFromPortal,
  suspendFromPortal,
  unregisterFromPortal,
} from './portal-devices.ts'
export {
  pauseInPortal,
  readPauseInPortal,
  readPreferencesInPortal,
  setPreferencesInPortal,
} from './portal-notices.ts'
export {
  cancelEnrollmentFromPortal,
  openEnrollmentFromPortal,
  readPortalEnrollment,
} from './portal-phones.ts'
export {
  authenticatePortal,
  closePortal,
  createPortalLink,
  openPortal,
} from './portal-sessions.ts'
export {
  listPortalActivities,
  listPortalChallenges,
  readPortalActivity,
  readPortalChallenge,
  reportChallengeFromPortal,
} from './portal-sign-ins.ts'
