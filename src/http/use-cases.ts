// What the routes can do: every use case with its needs already bound. src/compose.ts makes the real one, tests pass literals.

import type { TenantId } from '../domain/ids.ts'
import type { Refusal } from '../domain/refusal.ts'
import type { App } from '../ports/app-store.ts'
import type { AuditStore } from '../ports/audit-store.ts'
import type { ApiKey, RelyingParty, Tenant } from '../ports/directory-store.ts'
import type { answerChallenge } from '../usecases/answer-challenge.ts'
import type { createApiKey, revokeApiKey, rotateApiKey } from '../usecases/api-keys.ts'
import type { addApp, changeApp, readApp, removeApp } from '../usecases/apps.ts'
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
import type { AtDoor, SignedDoorCall } from '../usecases/doors/enter-by-signature.ts'
import type { enterCode, enterCodeToFollow } from '../usecases/doors/enter-code.ts'
import type { askForRealm, verifyRealm } from '../usecases/doors/keycloak.ts'
import type { preauthenticate } from '../usecases/doors/preauthenticate.ts'
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
import type { openNextEnrollment, readNextEnrollment } from '../usecases/next-phone.ts'
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
  listPortalActivities,
  listPortalDevices,
  mintPortalLink,
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
import type { makeRecoveryCodes, makeTemporaryCode } from '../usecases/single-use-codes.ts'
import type { setUserStatus } from '../usecases/suspend-user.ts'
import type { changeTenant, createRelyingParty } from '../usecases/tenants.ts'
import type { unregisterByTime } from '../usecases/unregister-by-time.ts'
import type { unregisterAllDevices, unregisterDevice } from '../usecases/unregister-devices.ts'
import type { readOtherFactors, verifyPasscode } from '../usecases/verify-passcode.ts'
import type {
  addWebhookEndpoint,
  changeWebhookEndpoint,
  listWebhookAttempts,
  listWebhookEndpoints,
  readWebhookEndpoint,
  removeWebhookEndpoint,
  replayWebhooks,
  rotateWebhookSecret,
  testWebhookEndpoint,
} from '../usecases/webhook-endpoints.ts'

/** A use case without its first argument. */
type Bound<UseCase> = UseCase extends (needs: never, ...given: infer Given) => infer Result
  ? (...given: Given) => Result
  : never

/** Derived from the use cases themselves, so that a change there does not compile here until it is answered. */
export type UseCases = {
  // who asks
  readonly authenticateApiKey: ApiKeyAuthentication['authenticate']
  readonly readDeviceProof: Bound<typeof readDeviceProof>

  // tenants, relying parties, keys: the three reads are the stores' own
  readonly findTenant: (tenantId: TenantId) => Promise<Tenant | null>
  readonly listRelyingParties: (tenantId: TenantId) => Promise<RelyingParty[]>
  readonly listApiKeys: (tenantId: TenantId) => Promise<ApiKey[]>
  readonly readReadiness: Bound<typeof readReadiness>
  readonly pushTest: Bound<typeof pushTest>
  readonly readTestPush: Bound<typeof readTestPush>
  readonly listApps: (tenantId: TenantId) => Promise<App[]>
  readonly readApp: Bound<typeof readApp>
  readonly addApp: Bound<typeof addApp>
  readonly changeApp: Bound<typeof changeApp>
  readonly removeApp: Bound<typeof removeApp>
  readonly changeTenant: Bound<typeof changeTenant>
  readonly createRelyingParty: Bound<typeof createRelyingParty>
  readonly readPolicy: Bound<typeof readPolicy>
  readonly setPolicy: Bound<typeof setPolicy>
  readonly setRelyingPartyPolicy: Bound<typeof setRelyingPartyPolicy>
  readonly createApiKey: Bound<typeof createApiKey>
  readonly listAuditEvents: AuditStore['list']
  readonly exportUser: Bound<typeof exportUser>
  readonly eraseUser: Bound<typeof eraseUser>
  readonly rotateApiKey: Bound<typeof rotateApiKey>
  readonly revokeApiKey: Bound<typeof revokeApiKey>
  readonly readPublicKeys: Bound<typeof readPublicKeys>

  // doors for clients that exist
  readonly listIntegrations: Bound<typeof listIntegrations>
  readonly readIntegration: Bound<typeof readIntegration>
  readonly createIntegration: Bound<typeof createIntegration>
  readonly changeIntegration: Bound<typeof changeIntegration>
  readonly rotateIntegration: Bound<typeof rotateIntegration>
  readonly removeIntegration: Bound<typeof removeIntegration>
  readonly enterDoor: IntegrationAuthentication['enter']
  readonly mayStayAtDoor: IntegrationAuthentication['stillAllowed']
  readonly askAtDoor: Bound<typeof askAtDoor>
  readonly followAtDoor: Bound<typeof followAtDoor>
  readonly askAndWait: Bound<typeof askAndWait>
  readonly verifyRealm: Bound<typeof verifyRealm>
  readonly askForRealm: Bound<typeof askForRealm>
  readonly enterBySignature: (signed: SignedDoorCall) => Promise<AtDoor | Refusal>
  readonly preauthenticate: Bound<typeof preauthenticate>
  readonly askAsShown: Bound<typeof askAsShown>
  readonly askToFollow: Bound<typeof askToFollow>
  readonly refuseUnseen: Bound<typeof refuseUnseen>
  readonly followQuestion: Bound<typeof followQuestion>
  readonly enterCode: Bound<typeof enterCode>
  readonly enterCodeToFollow: Bound<typeof enterCodeToFollow>
  readonly enrollAtDoor: Bound<typeof enrollAtDoor>
  readonly readEnrollmentAtDoor: Bound<typeof readEnrollmentAtDoor>

  // users and their devices
  readonly importUser: Bound<typeof importUser>
  readonly findUser: Bound<typeof findUser>
  readonly listUsers: Bound<typeof listUsers>
  readonly setUserStatus: Bound<typeof setUserStatus>
  readonly listActivities: Bound<typeof listActivities>
  readonly postActivity: Bound<typeof postActivity>
  readonly readProtection: Bound<typeof readProtection>
  readonly unlockUser: Bound<typeof unlockUser>
  readonly listReports: Bound<typeof listReports>
  readonly resolveReport: Bound<typeof resolveReport>
  readonly listDiagnostics: Bound<typeof listDiagnostics>
  readonly readDiagnostics: Bound<typeof readDiagnostics>
  readonly listDevices: Bound<typeof listDevices>
  readonly readDevice: Bound<typeof readDevice>
  readonly changeDevice: Bound<typeof changeDevice>
  readonly unregisterDevice: Bound<typeof unregisterDevice>
  readonly unregisterByTime: Bound<typeof unregisterByTime>
  readonly unregisterAllDevices: Bound<typeof unregisterAllDevices>

  // enrollments
  readonly openEnrollment: Bound<typeof openEnrollment>
  readonly readEnrollment: Bound<typeof readEnrollment>
  readonly cancelEnrollment: Bound<typeof cancelEnrollment>
  readonly claimEnrollment: Bound<typeof claimEnrollment>
  readonly confirmEnrollment: Bound<typeof confirmEnrollment>

  // challenges, the relying party's side
  readonly createChallenge: Bound<typeof createChallenge>
  readonly readChallenge: Bound<typeof readChallenge>
  readonly waitForChallenge: Bound<typeof waitForChallenge>
  readonly cancelChallenge: Bound<typeof cancelChallenge>
  readonly resendChallenge: Bound<typeof resendChallenge>
  readonly readEvidence: Bound<typeof readEvidence>
  readonly listChallenges: Bound<typeof listChallenges>

  // codes that users type
  readonly readOtherFactors: Bound<typeof readOtherFactors>
  readonly verifyPasscode: Bound<typeof verifyPasscode>
  readonly makeRecoveryCodes: Bound<typeof makeRecoveryCodes>
  readonly makeTemporaryCode: Bound<typeof makeTemporaryCode>

  // the portal
  readonly authenticatePortal: Bound<typeof authenticatePortal>
  readonly closePortal: Bound<typeof closePortal>
  readonly listPortalActivities: Bound<typeof listPortalActivities>
  readonly listPortalDevices: Bound<typeof listPortalDevices>
  readonly mintPortalLink: Bound<typeof mintPortalLink>
  readonly openPortal: Bound<typeof openPortal>
  readonly readPortalDevice: Bound<typeof readPortalDevice>
  readonly unregisterFromPortal: Bound<typeof unregisterFromPortal>

  // webhooks
  readonly listWebhookEndpoints: Bound<typeof listWebhookEndpoints>
  readonly readWebhookEndpoint: Bound<typeof readWebhookEndpoint>
  readonly addWebhookEndpoint: Bound<typeof addWebhookEndpoint>
  readonly changeWebhookEndpoint: Bound<typeof changeWebhookEndpoint>
  readonly rotateWebhookSecret: Bound<typeof rotateWebhookSecret>
  readonly removeWebhookEndpoint: Bound<typeof removeWebhookEndpoint>
  readonly testWebhookEndpoint: Bound<typeof testWebhookEndpoint>
  readonly listWebhookAttempts: Bound<typeof listWebhookAttempts>
  readonly replayWebhooks: Bound<typeof replayWebhooks>

  // the device's side
  readonly fetchChallenges: Bound<typeof fetchChallenges>
  readonly answerChallenge: Bound<typeof answerChallenge>
  readonly openNextEnrollment: Bound<typeof openNextEnrollment>
  readonly readNextEnrollment: Bound<typeof readNextEnrollment>
  readonly confirmReceipt: Bound<typeof confirmReceipt>
  readonly rotatePushToken: Bound<typeof rotatePushToken>
  readonly readSelf: Bound<typeof readSelf>
  readonly updateSelf: Bound<typeof updateSelf>
  readonly unregisterSelf: Bound<typeof unregisterSelf>
  readonly listOwnDevices: Bound<typeof listOwnDevices>
  readonly unregisterOther: Bound<typeof unregisterOther>
  readonly listOwnActivities: Bound<typeof listOwnActivities>
  readonly readNotificationPreferences: Bound<typeof readNotificationPreferences>
  readonly setNotificationPreferences: Bound<typeof setNotificationPreferences>
  readonly readPushPause: Bound<typeof readPushPause>
  readonly pausePushes: Bound<typeof pausePushes>
  readonly reportActivity: Bound<typeof reportActivity>
  readonly reportFromPortal: Bound<typeof reportFromPortal>
  readonly sendDiagnostics: Bound<typeof sendDiagnostics>
  readonly readKeySetLinks: Bound<typeof readKeySetLinks>
}
