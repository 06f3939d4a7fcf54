// Use cases bound to their dependencies. Each declares its own; here all of them are available.

import { bindDoors, binderOf } from './bind-doors.ts'
import type { ApiKeyId, IntegrationId } from './domain/ids.ts'
import type { UseCases } from './http/use-cases.ts'
import type { ActivityStore } from './ports/activity-store.ts'
import type { AppStore } from './ports/app-store.ts'
import type { AttestationVerifier } from './ports/attestation.ts'
import type { AuditStore } from './ports/audit-store.ts'
import type { ChallengeStore } from './ports/challenge-store.ts'
import type { Dispatcher } from './ports/delivery-store.ts'
import type { DeviceSpanStore } from './ports/device-span-store.ts'
import type { DeviceStore } from './ports/device-store.ts'
import type { DiagnosticsStore } from './ports/diagnostics-store.ts'
import type {
  ApiKeyStore,
  SigningKeyStore,
  TenantStore,
  UserStore,
} from './ports/directory-store.ts'
import type { DoorStore } from './ports/door-store.ts'
import type { EnrollmentStore } from './ports/enrollment-store.ts'
import type { UserQueue } from './ports/fair-queue.ts'
import type { IntegrationStore, IntegrationUsage } from './ports/integration-store.ts'
import type { KeycloakCallbackStore } from './ports/keycloak-callback-store.ts'
import type { NoticeStore } from './ports/notice-store.ts'
import type { PasscodeStore } from './ports/passcode-store.ts'
import type { PersonalDataStore } from './ports/personal-data-store.ts'
import type { PortalStore } from './ports/portal-store.ts'
import type { ProtectionStore } from './ports/protection-store.ts'
import type { Realms } from './ports/realms.ts'
import type { ReportStore } from './ports/report-store.ts'
import type { RevocationLog } from './ports/revocation-log.ts'
import type { SecurityLog } from './ports/security-log.ts'
import type { Signals } from './ports/signals.ts'
import type { SuspensionStore } from './ports/suspension-store.ts'
import type { TestPushStore } from './ports/test-push-store.ts'
import type { WebhookUrls } from './ports/webhook.ts'
import type { WebhookDeliveryStore, WebhookEndpointStore } from './ports/webhook-store.ts'
import type {
  Addresses,
  Clock,
  Hashing,
  Macs,
  OneTimePasswords,
  Random,
  Sealing,
  Signatures,
} from './ports/world.ts'
import { answerChallenge } from './usecases/answer-challenge.ts'
import { createApiKey, revocationPrefix, revokeApiKey, rotateApiKey } from './usecases/api-keys.ts'
import { changeApp, createApp, readApp, removeApp } from './usecases/apps.ts'
import { buildApiKeyAuthentication } from './usecases/authenticate-api-key.ts'
import { readDeviceProof } from './usecases/authenticate-device.ts'
import { cancelChallenge } from './usecases/cancel-challenge.ts'
import { cancelEnrollment } from './usecases/cancel-enrollment.ts'
import { changeDevice } from './usecases/change-device.ts'
import { claimEnrollment } from './usecases/claim-enrollment.ts'
import { confirmEnrollment } from './usecases/confirm-enrollment.ts'
import { confirmReceipt } from './usecases/confirm-receipt.ts'
import { createChallenge } from './usecases/create-challenge.ts'
import { listDiagnostics, readDiagnostics, sendDiagnostics } from './usecases/diagnostics.ts'
import { buildIntegrationAuthentication } from './usecases/doors/authenticate-integration.ts'
import { openNextEnrollment, readNextEnrollment } from './usecases/enroll-next-phone.ts'
import { fetchChallenges } from './usecases/fetch-challenges.ts'
import { findUser, listUsers } from './usecases/find-user.ts'
import { importUser } from './usecases/import-user.ts'
import { listActivities, listOwnActivities } from './usecases/list-activities.ts'
import { listChallenges } from './usecases/list-challenges.ts'
import {
  readNotificationPreferences,
  setNotificationPreferences,
} from './usecases/notification-preferences.ts'
import { openEnrollment } from './usecases/open-enrollment.ts'
import {
  listOwnDevices,
  readSelf,
  unregisterOther,
  unregisterSelf,
  updateSelf,
} from './usecases/own-devices.ts'
import { eraseUser, exportUser } from './usecases/personal-data.ts'
import { readPolicy, setPolicy, setRelyingPartyPolicy } from './usecases/policy.ts'
import {
  authenticatePortal,
  closePortal,
  createPortalLink,
  listPortalActivities,
  listPortalDevices,
  openPortal,
  readPortalDevice,
  unregisterFromPortal,
} from './usecases/portal.ts'
import { postActivity } from './usecases/post-activity.ts'
import { pausePushes, readProtection, readPushPause, unlockUser } from './usecases/protection.ts'
import { pushTest, readTestPush } from './usecases/push-test.ts'
import { readChallenge, waitForChallenge } from './usecases/read-challenge.ts'
import { listDevices, readDevice } from './usecases/read-devices.ts'
import { readEnrollment } from './usecases/read-enrollment.ts'
import { readEvidence } from './usecases/read-evidence.ts'
import { readReadiness } from './usecases/read-readiness.ts'
import { readKeySetLinks, readPublicKeys } from './usecases/read-signing-keys.ts'
import { reportActivity, reportFromPortal } from './usecases/report-activity.ts'
import { listReports, resolveReport } from './usecases/reports.ts'
import { resendChallenge } from './usecases/resend-challenge.ts'
import { rotatePushToken } from './usecases/rotate-push-token.ts'
import { buildSharedReads } from './usecases/shared-reads.ts'
import { buildSigningKeys } from './usecases/signing-keys.ts'
import { createRecoveryCodes, createTemporaryCode } from './usecases/single-use-codes.ts'
import { setUserStatus } from './usecases/suspend-user.ts'
import { changeTenant, createRelyingParty } from './usecases/tenants.ts'
import { unregisterByTime } from './usecases/unregister-by-time.ts'
import { unregisterAllDevices, unregisterDevice } from './usecases/unregister-devices.ts'
import { readOtherFactors, verifyPasscode } from './usecases/verify-passcode.ts'
import {
  changeWebhookEndpoint,
  createWebhookEndpoint,
  listWebhookAttempts,
  listWebhookEndpoints,
  readWebhookEndpoint,
  removeWebhookEndpoint,
  replayWebhooks,
  rotateWebhookSecret,
  testWebhookEndpoint,
} from './usecases/webhook-endpoints.ts'

/** The dependencies of all use cases. */
export type Parts = {
  readonly tenants: TenantStore
  readonly apiKeys: ApiKeyStore
  readonly integrations: IntegrationStore
  readonly keycloakCallbacks: KeycloakCallbackStore
  readonly realms: Realms
  readonly integrationUsage: IntegrationUsage
  readonly doors: DoorStore
  readonly users: UserStore
  readonly keys: SigningKeyStore
  readonly enrollments: EnrollmentStore
  readonly devices: DeviceStore
  readonly suspensions: SuspensionStore
  readonly deviceSpans: DeviceSpanStore
  readonly portal: PortalStore
  readonly challenges: ChallengeStore
  readonly activities: ActivityStore
  readonly audit: Pick<AuditStore, 'list'>
  readonly personalData: PersonalDataStore
  readonly protections: ProtectionStore
  readonly reports: ReportStore
  readonly diagnostics: DiagnosticsStore
  readonly passcodes: PasscodeStore
  readonly revocationLog: RevocationLog
  readonly notices: NoticeStore
  readonly apps: AppStore
  readonly testPushes: TestPushStore
  readonly webhookEndpoints: WebhookEndpointStore
  readonly webhookDeliveries: WebhookDeliveryStore
  readonly webhookUrls: WebhookUrls
  readonly dispatcher: Dispatcher
  readonly signals: Signals & { listen(listener: (key: string) => void): void }
  readonly signatures: Signatures
  readonly sealing: Sealing
  readonly hashing: Hashing
  readonly oneTimePasswords: OneTimePasswords
  readonly macs: Macs
  readonly securityLog: SecurityLog
  readonly random: Random
  readonly clock: Clock
  readonly addresses: Addresses
  readonly userQueue: UserQueue
  readonly publicOrigin: string
  readonly attestations: AttestationVerifier
}

/** Binds each use case to its dependencies; the routes get the remaining parameters. */
export function bindUseCases(parts: Parts): UseCases {
  const signingKeys = buildSigningKeys(parts, () => performance.now())
  const dependencies = { ...parts, signingKeys, sharedReads: buildSharedReads() }
  const bind = binderOf(dependencies)

  const authentication = buildApiKeyAuthentication(parts)
  const doors = buildIntegrationAuthentication(parts)
  parts.signals.listen((key) => {
    if (key.startsWith(revocationPrefix)) {
      authentication.forget(key.slice(revocationPrefix.length) as ApiKeyId)
      doors.forget(key.slice(revocationPrefix.length) as IntegrationId)
    }
  })
  return {
    authenticateApiKey: authentication.authenticate,
    readDeviceProof: bind(readDeviceProof),
    ...bindDoors(dependencies, doors),
    findTenant: (id) => parts.tenants.findTenant(id),
    listRelyingParties: (tenantId) => parts.tenants.listRelyingParties(tenantId),
    listApiKeys: (tenantId) => parts.apiKeys.list(tenantId),
    readReadiness: bind(readReadiness),
    pushTest: bind(pushTest),
    readTestPush: bind(readTestPush),
    listApps: (tenantId) => parts.apps.list(tenantId),
    readApp: bind(readApp),
    createApp: bind(createApp),
    changeApp: bind(changeApp),
    removeApp: bind(removeApp),
    changeTenant: bind(changeTenant),
    createRelyingParty: bind(createRelyingParty),
    readPolicy: bind(readPolicy),
    setPolicy: bind(setPolicy),
    setRelyingPartyPolicy: bind(setRelyingPartyPolicy),
    createApiKey: bind(createApiKey),
    listAuditEvents: (...parameters) => parts.audit.list(...parameters),
    exportUser: bind(exportUser),
    eraseUser: bind(eraseUser),
    rotateApiKey: bind(rotateApiKey),
    revokeApiKey: bind(revokeApiKey),
    readPublicKeys: bind(readPublicKeys),
    importUser: bind(importUser),
    findUser: bind(findUser),
    listUsers: bind(listUsers),
    setUserStatus: bind(setUserStatus),
    listActivities: bind(listActivities),
    postActivity: bind(postActivity),
    readProtection: bind(readProtection),
    unlockUser: bind(unlockUser),
    listReports: bind(listReports),
    resolveReport: bind(resolveReport),
    listDiagnostics: bind(listDiagnostics),
    readDiagnostics: bind(readDiagnostics),
    sendDiagnostics: bind(sendDiagnostics),
    listDevices: bind(listDevices),
    readDevice: bind(readDevice),
    changeDevice: bind(changeDevice),
    unregisterDevice: bind(unregisterDevice),
    unregisterByTime: bind(unregisterByTime),
    unregisterAllDevices: bind(unregisterAllDevices),
    openEnrollment: bind(openEnrollment),
    readEnrollment: bind(readEnrollment),
    cancelEnrollment: bind(cancelEnrollment),
    claimEnrollment: bind(claimEnrollment),
    confirmEnrollment: bind(confirmEnrollment),
    createChallenge: bind(createChallenge),
    readChallenge: bind(readChallenge),
    waitForChallenge: bind(waitForChallenge),
    cancelChallenge: bind(cancelChallenge),
    resendChallenge: bind(resendChallenge),
    readEvidence: bind(readEvidence),
    listChallenges: bind(listChallenges),
    readOtherFactors: bind(readOtherFactors),
    verifyPasscode: bind(verifyPasscode),
    createRecoveryCodes: bind(createRecoveryCodes),
    createTemporaryCode: bind(createTemporaryCode),
    fetchChallenges: bind(fetchChallenges),
    answerChallenge: bind(answerChallenge),
    openNextEnrollment: bind(openNextEnrollment),
    readNextEnrollment: bind(readNextEnrollment),
    authenticatePortal: bind(authenticatePortal),
    closePortal: bind(closePortal),
    listPortalActivities: bind(listPortalActivities),
    listPortalDevices: bind(listPortalDevices),
    createPortalLink: bind(createPortalLink),
    openPortal: bind(openPortal),
    readPortalDevice: bind(readPortalDevice),
    unregisterFromPortal: bind(unregisterFromPortal),
    confirmReceipt: bind(confirmReceipt),
    rotatePushToken: bind(rotatePushToken),
    readSelf: bind(readSelf),
    updateSelf: bind(updateSelf),
    unregisterSelf: bind(unregisterSelf),
    listOwnDevices: bind(listOwnDevices),
    unregisterOther: bind(unregisterOther),
    listOwnActivities: bind(listOwnActivities),
    readNotificationPreferences: bind(readNotificationPreferences),
    setNotificationPreferences: bind(setNotificationPreferences),
    readPushPause: bind(readPushPause),
    pausePushes: bind(pausePushes),
    reportActivity: bind(reportActivity),
    reportFromPortal: bind(reportFromPortal),
    readKeySetLinks: bind(readKeySetLinks),
    listWebhookEndpoints: bind(listWebhookEndpoints),
    readWebhookEndpoint: bind(readWebhookEndpoint),
    createWebhookEndpoint: bind(createWebhookEndpoint),
    changeWebhookEndpoint: bind(changeWebhookEndpoint),
    rotateWebhookSecret: bind(rotateWebhookSecret),
    removeWebhookEndpoint: bind(removeWebhookEndpoint),
    testWebhookEndpoint: bind(testWebhookEndpoint),
    listWebhookAttempts: bind(listWebhookAttempts),
    replayWebhooks: bind(replayWebhooks),
  }
}
