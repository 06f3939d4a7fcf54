// What callers can do with enrollments.

export { cancelEnrollment } from './cancel-enrollment.ts'
export { claimEnrollment } from './claim-enrollment.ts'
export { confirmEnrollment } from './confirm-enrollment.ts'
export { openNextEnrollment, readNextEnrollment } from './enroll-next-phone.ts'
export {
  closeEnrollmentWindow,
  openEnrollmentWindow,
  readEnrollmentWindow,
} from './enrollment-windows.ts'
export { openEnrollment, openEnrollmentOfUser } from './open-enrollment.ts'
export { waitForEnrollment } from './read-enrollment.ts'
