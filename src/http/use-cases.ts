// What the routes can do: every use case with its dependencies already bound. src/compose.ts builds
// the real one, tests pass literals.

import type { TenantId } from '../domain/ids.ts'
import type { Refusal } from '../domain/refusal.ts'
import type { App } from '../ports/app-store.ts'
import type { AuditStore } from '../ports/audit-store.ts'
import type { ApiKey, RelyingParty, Tenant } from '../ports/directory-store.ts'
import type { answerChallenge } from '../usecases/answer-challenge.ts'
import type { createApiKey, revokeApiKey, rotateApiKey } from '../usecases/api-keys.ts'
import type { changeApp, createApp, readApp, removeApp } from '../usecases/apps.ts'
import type { ApiKeyAuthentication } from '../usecases/authenticate-api-key.ts'
import type { readDeviceProof } from '../usecases/authenticate-device.ts'
import type { cancelChallenge } from '../usecases/cancel-challenge.ts'
import type { cancelEnrollment } from '../usecases/cancel-enrollment.ts'
import type { changeDevice } from '../usecases/change-device.ts'
import type { claimEnrollment } from '../usecases/claim-enrollment.ts'
import type { confirmEnrollment } from '../usecases/confirm-enrollment.ts'
import type { confirmReceipt } from '../usecases/confirm-receipt.ts'
import type { createChallenge } from '../usecases/create-challenge.ts'
import type { listDiagnostics, readDiagnostics, sendDiagnostics } from '../usecases/diagnostics.ts'
import type { askAndWait, askAtDoor, followAtDoor } from '../usecases/doors/ask.ts'
import type {
  askAsShown,
  askToFollow,
  followQuestion,
  refuseUnseen,
} from '../usecases/doors/ask-as-shown.ts'
import type { IntegrationAuthentication } from '../usecases/doors/authenticate-integration.ts'
import type { enrollAtDoor, readEnrollmentAtDoor } from '../usecases/doors/enroll-at-door.ts'
import type { SignedDoorCall, SignedDoorClient } from '../usecases/doors/enter-by-signature.ts'
import type { enterCode, enterCodeToFollow } from '../usecases/doors/enter-code.ts'
import type { askForRealm, verifyRealm } from '../usecases/doors/keycloak.ts'
import type { preauthenticate } from '../usecases/doors/preauthenticate.ts'
import type { openNextEnrollment, readNextEnrollment } from '../usecases/enroll-next-phone.ts'
import type { fetchChallenges } from '../usecases/fetch-challenges.ts'
import type { findUser, listUsers } from '../usecases/find-user.ts'
import type { importUser } from '../usecases/import-user.ts'
import type {
  changeIntegration,
  createIntegration,
  listIntegrations,
  readIntegration,
  removeIntegration,
  rotateIntegration,
} from '../usecases/integrations.ts'
import type { listActivities, listOwnActivities } from '../usecases/list-activities.ts'
import type { listChallenges } from '../usecases/list-challenges.ts'
import type {
  readNotificationPreferences,
  setNotificationPreferences,
} from '../usecases/notification-preferences.ts'
import type { openEnrollment } from '../usecases/open-enrollment.ts'
import type {
  listOwnDevices,
  readSelf,
  unregisterOther,
  unregisterSelf,
  updateSelf,
} from '../usecases/own-devices.ts'
import type { eraseUser, exportUser } from '../usecases/personal-data.ts'
import type { readPolicy, setPolicy, setRelyingPartyPolicy } from '../usecases/policy.ts'
import type {
  authenticatePortal,
  closePortal,
  createPortalLink,
  listPortalActivities,
  listPortalDevices,
  openPortal,
  readPortalDevice,
  unregisterFromPortal,
} from '../usecases/portal.ts'
import type { postActivity } from '../usecases/post-activity.ts'
import type {
  pausePushes,
  readProtection,
  readPushPause,
  unlockUser,
} from '../usecases/protection.ts'
import type { pushTest, readTestPush } from '../usecases/push-test.ts'
import type { readChallenge, waitForChallenge } from '../usecases/read-challenge.ts'
import type { listDevices, readDevice } from '../usecases/read-devices.ts'
import type { readEnrollment } from '../usecases/read-enrollment.ts'
import type { readEvidence } from '../usecases/read-evidence.ts'
import type { readReadiness } from '../usecases/read-readiness.ts'
import type { readKeySetLinks, readPublicKeys } from '../usecases/read-signing-keys.ts'
import type { reportActivity, reportFromPortal } from '../usecases/report-activity.ts'
import type { listReports, resolveReport } from '../usecases/reports.ts'
import type { resendChallenge } from '../usecases/resend-challenge.ts'
import type { rotatePushToken } from '../usecases/rotate-push-token.ts'
import type { createRecoveryCodes, createTemporaryCode } from '../usecases/single-use-codes.ts'
import type { setUserStatus } from '../usecases/suspend-user.ts'
import type { changeTenant, createRelyingParty } from '../usecases/tenants.ts'
import type { unregisterByTime } from '../usecases/unregister-by-time.ts'
import type { unregisterAllDevices, unregisterDevice } from '../usecases/unregister-devices.ts'
import type { readOtherFactors, verifyPasscode } from '../usecases/verify-passcode.ts'
import type {
  changeWebhookEndpoint,
  createWebhookEndpoint,
  listWebhookAttempts,
  listWebhookEndpoints,
  readWebhookEndpoint,
  removeWebhookEndpoint,
  replayWebhooks,
  rotateWebhookSecret,
  testWebhookEndpoint,
} from '../usecases/webhook-endpoints.ts'

/** A use case without its first argument. */
type BoundUseCase<UseCase> = UseCase extends (
  dependencies: never,
  ...args: infer Args
) => infer Result
  ? (...args: Args) => Result
  : never

/**
 * Derived from the use cases themselves, so that a change there does not compile here until it is
 * handled.
 */
export type UseCases = {
  // authentication
  readonly authenticateApiKey: ApiKeyAuthentication['authenticate']
  readonly readDeviceProof: BoundUseCase<typeof readDeviceProof>

  // tenants, relying parties, keys: the three reads are the stores' own
  readonly findTenant: (tenantId: TenantId) => Promise<Tenant | null>
  readonly listRelyingParties: (tenantId: TenantId) => Promise<RelyingParty[]>
  readonly listApiKeys: (tenantId: TenantId) => Promise<ApiKey[]>
  readonly readReadiness: BoundUseCase<typeof readReadiness>
  readonly pushTest: BoundUseCase<typeof pushTest>
  readonly readTestPush: BoundUseCase<typeof readTestPush>
  readonly listApps: (tenantId: TenantId) => Promise<App[]>
  readonly readApp: BoundUseCase<typeof readApp>
  readonly createApp: BoundUseCase<typeof createApp>
  readonly changeApp: BoundUseCase<typeof changeApp>
  readonly removeApp: BoundUseCase<typeof removeApp>
  readonly changeTenant: BoundUseCase<typeof changeTenant>
  readonly createRelyingParty: BoundUseCase<typeof createRelyingParty>
  readonly readPolicy: BoundUseCase<typeof readPolicy>
  readonly setPolicy: BoundUseCase<typeof setPolicy>
  readonly setRelyingPartyPolicy: BoundUseCase<typeof setRelyingPartyPolicy>
  readonly createApiKey: BoundUseCase<typeof createApiKey>
  readonly listAuditEvents: AuditStore['list']
  readonly exportUser: BoundUseCase<typeof exportUser>
  readonly eraseUser: BoundUseCase<typeof eraseUser>
  readonly rotateApiKey: BoundUseCase<typeof rotateApiKey>
  readonly revokeApiKey: BoundUseCase<typeof revokeApiKey>
  readonly readPublicKeys: BoundUseCase<typeof readPublicKeys>

  // doors for existing clients
  readonly listIntegrations: BoundUseCase<typeof listIntegrations>
  readonly readIntegration: BoundUseCase<typeof readIntegration>
  readonly createIntegration: BoundUseCase<typeof createIntegration>
  readonly changeIntegration: BoundUseCase<typeof changeIntegration>
  readonly rotateIntegration: BoundUseCase<typeof rotateIntegration>
  readonly removeIntegration: BoundUseCase<typeof removeIntegration>
  readonly enterDoor: IntegrationAuthentication['enter']
  readonly mayStayAtDoor: IntegrationAuthentication['stillAllowed']
  readonly askAtDoor: BoundUseCase<typeof askAtDoor>
  readonly followAtDoor: BoundUseCase<typeof followAtDoor>
  readonly askAndWait: BoundUseCase<typeof askAndWait>
  readonly verifyRealm: BoundUseCase<typeof verifyRealm>
  readonly askForRealm: BoundUseCase<typeof askForRealm>
  readonly enterBySignature: (call: SignedDoorCall) => Promise<SignedDoorClient | Refusal>
  readonly preauthenticate: BoundUseCase<typeof preauthenticate>
  readonly askAsShown: BoundUseCase<typeof askAsShown>
  readonly askToFollow: BoundUseCase<typeof askToFollow>
  readonly refuseUnseen: BoundUseCase<typeof refuseUnseen>
  readonly followQuestion: BoundUseCase<typeof followQuestion>
  readonly enterCode: BoundUseCase<typeof enterCode>
  readonly enterCodeToFollow: BoundUseCase<typeof enterCodeToFollow>
  readonly enrollAtDoor: BoundUseCase<typeof enrollAtDoor>
  readonly readEnrollmentAtDoor: BoundUseCase<typeof readEnrollmentAtDoor>

  // users and their devices
  readonly importUser: BoundUseCase<typeof importUser>
  readonly findUser: BoundUseCase<typeof findUser>
  readonly listUsers: BoundUseCase<typeof listUsers>
  readonly setUserStatus: BoundUseCase<typeof setUserStatus>
  readonly listActivities: BoundUseCase<typeof listActivities>
  readonly postActivity: BoundUseCase<typeof postActivity>
  readonly readProtection: BoundUseCase<typeof readProtection>
  readonly unlockUser: BoundUseCase<typeof unlockUser>
  readonly listReports: BoundUseCase<typeof listReports>
  readonly resolveReport: BoundUseCase<typeof resolveReport>
  readonly listDiagnostics: BoundUseCase<typeof listDiagnostics>
  readonly readDiagnostics: BoundUseCase<typeof readDiagnostics>
  readonly listDevices: BoundUseCase<typeof listDevices>
  readonly readDevice: BoundUseCase<typeof readDevice>
  readonly changeDevice: BoundUseCase<typeof changeDevice>
  readonly unregisterDevice: BoundUseCase<typeof unregisterDevice>
  readonly unregisterByTime: BoundUseCase<typeof unregisterByTime>
  readonly unregisterAllDevices: BoundUseCase<typeof unregisterAllDevices>

  // enrollments
  readonly openEnrollment: BoundUseCase<typeof openEnrollment>
  readonly readEnrollment: BoundUseCase<typeof readEnrollment>
  readonly cancelEnrollment: BoundUseCase<typeof cancelEnrollment>
  readonly claimEnrollment: BoundUseCase<typeof claimEnrollment>
  readonly confirmEnrollment: BoundUseCase<typeof confirmEnrollment>

  // challenges, the relying party's side
  readonly createChallenge: BoundUseCase<typeof createChallenge>
  readonly readChallenge: BoundUseCase<typeof readChallenge>
  readonly waitForChallenge: BoundUseCase<typeof waitForChallenge>
  readonly cancelChallenge: BoundUseCase<typeof cancelChallenge>
  readonly resendChallenge: BoundUseCase<typeof resendChallenge>
  readonly readEvidence: BoundUseCase<typeof readEvidence>
  readonly listChallenges: BoundUseCase<typeof listChallenges>

  // codes that users type
  readonly readOtherFactors: BoundUseCase<typeof readOtherFactors>
  readonly verifyPasscode: BoundUseCase<typeof verifyPasscode>
  readonly createRecoveryCodes: BoundUseCase<typeof createRecoveryCodes>
  readonly createTemporaryCode: BoundUseCase<typeof createTemporaryCode>

  // the portal
  readonly authenticatePortal: BoundUseCase<typeof authenticatePortal>
  readonly closePortal: BoundUseCase<typeof closePortal>
  readonly listPortalActivities: BoundUseCase<typeof listPortalActivities>
  readonly listPortalDevices: BoundUseCase<typeof listPortalDevices>
  readonly createPortalLink: BoundUseCase<typeof createPortalLink>
  readonly openPortal: BoundUseCase<typeof openPortal>
  readonly readPortalDevice: BoundUseCase<typeof readPortalDevice>
  readonly unregisterFromPortal: BoundUseCase<typeof unregisterFromPortal>

  // webhooks
  readonly listWebhookEndpoints: BoundUseCase<typeof listWebhookEndpoints>
  readonly readWebhookEndpoint: BoundUseCase<typeof readWebhookEndpoint>
  readonly createWebhookEndpoint: BoundUseCase<typeof createWebhookEndpoint>
  readonly changeWebhookEndpoint: BoundUseCase<typeof changeWebhookEndpoint>
  readonly rotateWebhookSecret: BoundUseCase<typeof rotateWebhookSecret>
  readonly removeWebhookEndpoint: BoundUseCase<typeof removeWebhookEndpoint>
  readonly testWebhookEndpoint: BoundUseCase<typeof testWebhookEndpoint>
  readonly listWebhookAttempts: BoundUseCase<typeof listWebhookAttempts>
  readonly replayWebhooks: BoundUseCase<typeof replayWebhooks>

  // the device's side
  readonly fetchChallenges: BoundUseCase<typeof fetchChallenges>
  readonly answerChallenge: BoundUseCase<typeof answerChallenge>
  readonly openNextEnrollment: BoundUseCase<typeof openNextEnrollment>
  readonly readNextEnrollment: BoundUseCase<typeof readNextEnrollment>
  readonly confirmReceipt: BoundUseCase<typeof confirmReceipt>
  readonly rotatePushToken: BoundUseCase<typeof rotatePushToken>
  readonly readSelf: BoundUseCase<typeof readSelf>
  readonly updateSelf: BoundUseCase<typeof updateSelf>
  readonly unregisterSelf: BoundUseCase<typeof unregisterSelf>
  readonly listOwnDevices: BoundUseCase<typeof listOwnDevices>
  readonly unregisterOther: BoundUseCase<typeof unregisterOther>
  readonly listOwnActivities: BoundUseCase<typeof listOwnActivities>
  readonly readNotificationPreferences: BoundUseCase<typeof readNotificationPreferences>
  readonly setNotificationPreferences: BoundUseCase<typeof setNotificationPreferences>
  readonly readPushPause: BoundUseCase<typeof readPushPause>
  readonly pausePushes: BoundUseCase<typeof pausePushes>
  readonly reportActivity: BoundUseCase<typeof reportActivity>
  readonly reportFromPortal: BoundUseCase<typeof reportFromPortal>
  readonly sendDiagnostics: BoundUseCase<typeof sendDiagnostics>
  readonly readKeySetLinks: BoundUseCase<typeof readKeySetLinks>
}
