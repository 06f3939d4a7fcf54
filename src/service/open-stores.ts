// All stores, connected to the database; src/service/compose.ts connects the rest.

import { buildActivityStore } from '../activities/activities.sql.ts'
import { buildNoticeStore } from '../activities/notices.sql.ts'
import { buildAuditStore } from '../audit/audit.sql.ts'
import { buildPlainAnswerStore } from '../audit/plain-answers.sql.ts'
import { buildRetentionStore } from '../audit/retention.sql.ts'
import { buildChallengeStore } from '../challenges/challenges.sql.ts'
import { buildDeviceSpanStore } from '../devices/device-spans.sql.ts'
import { buildDeviceStore } from '../devices/devices.sql.ts'
import { buildDiagnosticsStore } from '../devices/diagnostics/diagnostics.sql.ts'
import { buildSuspensionStore } from '../devices/suspensions.sql.ts'
import { buildDoorStore } from '../doors/doors.sql.ts'
import { buildIntegrationStore } from '../doors/integrations.sql.ts'
import { buildKeycloakCallbackStore } from '../doors/keycloak/keycloak-callbacks.sql.ts'
import { buildEnrollmentWindowStore } from '../enrollments/enrollment-windows.sql.ts'
import { buildEnrollmentStore } from '../enrollments/enrollments.sql.ts'
import { buildPasscodeStore } from '../passcodes/passcodes.sql.ts'
import { buildPersonalDataStore } from '../personal-data/personal-data.sql.ts'
import type { Database } from '../platform/postgres/database.ts'
import { buildDueWorkStore } from '../platform/postgres/due-work.ts'
import { buildLanes, laneLimits } from '../platform/postgres/lane.ts'
import { buildLeaseStore } from '../platform/postgres/leases.ts'
import { buildTableStatistics } from '../platform/postgres/table-statistics.ts'
import type { Random } from '../platform/world.ts'
import { buildPortalStore } from '../portal/portal-sessions.sql.ts'
import { buildClientRequestStore } from '../prompts/oidc/client-requests.sql.ts'
import { buildOidcKeyStore } from '../prompts/oidc/oidc-keys.sql.ts'
import { buildPromptEnrollmentStore } from '../prompts/prompt-enrollments.sql.ts'
import { buildPromptStore } from '../prompts/prompts.sql.ts'
import { buildProtectionStore } from '../protection/protections.sql.ts'
import { buildPushSignInStore } from '../protection/push-sign-in.sql.ts'
import { buildReadinessCountStore } from '../protection/readiness-counts.sql.ts'
import { buildReportStore } from '../protection/reports.sql.ts'
import { buildAppStore } from '../push/apps.sql.ts'
import { buildDeliveryStore } from '../push/deliveries.sql.ts'
import { buildPushHistoryStore } from '../push/doctor/push-history.sql.ts'
import { buildTestPushStore } from '../push/test-pushes.sql.ts'
import { buildVapidKeyStore } from '../push/web-push/vapid-keys.sql.ts'
import { buildApiKeyStore } from '../tenants/api-keys.sql.ts'
import { buildBrandingStore } from '../tenants/branding/branding.sql.ts'
import { buildInstallationStore } from '../tenants/installation.sql.ts'
import { buildSigningKeyStore } from '../tenants/signing-keys.sql.ts'
import { buildTenantStore } from '../tenants/tenants.sql.ts'
import { buildUserStore } from '../users/users.sql.ts'
import { buildWebhookDeliveryStore } from '../webhooks/webhook-deliveries.sql.ts'
import { buildWebhookEndpointStore } from '../webhooks/webhook-endpoints.sql.ts'

/** Builds every store, on one database. */
export function buildStores(
  { database, schema }: { readonly database: Database; readonly schema: string },
  random: Random,
) {
  const lanes = buildLanes(laneLimits)
  return {
    lanes,
    dueWork: buildDueWorkStore(database),
    leases: buildLeaseStore(database, schema),
    tenants: buildTenantStore(database, random),
    brandings: buildBrandingStore(database, random),
    apiKeys: buildApiKeyStore(database, random, lanes),
    installation: buildInstallationStore(database),
    integrations: buildIntegrationStore(database, random),
    doors: buildDoorStore(database),
    keycloakCallbacks: buildKeycloakCallbackStore(database),
    users: buildUserStore(database, random),
    keys: buildSigningKeyStore(database, random),
    enrollments: buildEnrollmentStore(database, random),
    enrollmentWindows: buildEnrollmentWindowStore(database, random),
    devices: buildDeviceStore(database, random),
    suspensions: buildSuspensionStore(database, random),
    deviceSpans: buildDeviceSpanStore(database, random),
    portal: buildPortalStore(database, random),
    prompts: buildPromptStore(database),
    promptEnrollments: buildPromptEnrollmentStore(database, random),
    clientRequests: buildClientRequestStore(database),
    oidcKeys: buildOidcKeyStore(database, random),
    challenges: buildChallengeStore(database, random, lanes),
    plainAnswers: buildPlainAnswerStore(database),
    deliveries: buildDeliveryStore(database),
    activities: buildActivityStore(database, random),
    protections: buildProtectionStore(database, random),
    pushSignIn: buildPushSignInStore(database, random),
    readinessCounts: buildReadinessCountStore(database),
    retention: buildRetentionStore(database, random),
    diagnostics: buildDiagnosticsStore(database, random),
    reports: buildReportStore(database, random),
    audit: buildAuditStore(database, random),
    tableStatistics: buildTableStatistics(database),
    personalData: buildPersonalDataStore(database, random),
    notices: buildNoticeStore(database, random),
    apps: buildAppStore(database, random),
    testPushes: buildTestPushStore(database, random),
    vapidKeys: buildVapidKeyStore(database),
    pushHistory: buildPushHistoryStore(database),
    passcodes: buildPasscodeStore(database, random),
    webhookEndpoints: buildWebhookEndpointStore(database, random),
    webhookDeliveries: buildWebhookDeliveryStore(database),
  }
}
