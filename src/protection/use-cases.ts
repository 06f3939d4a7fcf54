// What callers can do with protection.

export { countReady } from './count-readiness.ts'
export { pausePushes, readProtection, readPushPause, unlockUser } from './protection.ts'
export { readPushSignIn, setPushSignIn } from './push-sign-in.ts'
export { reportActivity, reportFromPortal } from './report-activity.ts'
export { listReports, resolveReport } from './reports.ts'
