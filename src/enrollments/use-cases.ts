// What callers can do with enrollments. What is seldom done is loaded when it is first called.

import { loadedLate } from '../platform/loaded-late.ts'

export { cancelEnrollment } from './cancel-enrollment.ts'
export { claimEnrollment } from './claim-enrollment.ts'
export { confirmEnrollment } from './confirm-enrollment.ts'
export { openEnrollment, openEnrollmentOfUser } from './open-enrollment.ts'
export { waitForEnrollment } from './read-enrollment.ts'

const nextPhone = () => import('./enroll-next-phone.ts')
export const openNextEnrollment = loadedLate(async () => (await nextPhone()).openNextEnrollment)
export const readNextEnrollment = loadedLate(async () => (await nextPhone()).readNextEnrollment)

const windows = () => import('./enrollment-windows.ts')
export const closeEnrollmentWindow = loadedLate(async () => (await windows()).closeEnrollmentWindow)
export const openEnrollmentWindow = loadedLate(async () => (await windows()).openEnrollmentWindow)
export const readEnrollmentWindow = loadedLate(async () => (await windows()).readEnrollmentWindow)
