// What the package offers.

export type { DeviceAccount, PasscodeSecret } from './account.ts'
export type { AnswerOutcome } from './answer-delivery.ts'
export type { ApprovalRequest, RequestFault } from './approval-request.ts'
export type { World } from './connection.ts'
export { DeviceApiError } from './device-api-error.ts'
export { DeviceClient, type DeviceClientOptions } from './device-client.ts'
export {
  type Attestation,
  attestationChallenge,
  type Claim,
  claimEnrollment,
  type DeviceChanges,
  type DeviceDescription,
  type EnrollmentTicket,
  type PushRegistration,
  readEnrollmentUri,
} from './enrollment.ts'
export {
  createDeviceKey,
  createDeviceKeys,
  type DeviceKey,
  type DeviceKeys,
  type ExportedDeviceKeys,
  exportDeviceKeys,
  importDeviceKeys,
  type KeyRole,
} from './keys.ts'
export {
  type AssertedCredential,
  type GetAssertion,
  type NewCredential,
  type Passkey,
  type PasskeyAssertion,
  readAssertion,
  readPasskey,
} from './passkey.ts'
export type { Pending, PendingRequest } from './pending-requests.ts'
export { protocolVersion } from './protocol-version.ts'
export type {
  ActivityDetails,
  ActivityPage,
  DeviceDetails,
  EnrollmentDetails,
  NotificationPreferences,
  OpenedEnrollment,
  OwnDetails,
  PageRequest,
  PushDetails,
  PushReport,
} from './views.ts'
