// All stores, connected to the database; src/compose.ts connects the rest.

import { buildActivityStore } from './persistence/activities.ts'
import { buildApiKeyStore } from './persistence/api-keys.ts'
import { buildAppStore } from './persistence/apps.ts'
import { buildAuditStore } from './persistence/audit.ts'
import { buildChallengeStore } from './persistence/challenges.ts'
import type { Database } from './persistence/database.ts'
import { buildDeliveryStore } from './persistence/deliveries.ts'
import { buildDeviceSpanStore } from './persistence/device-spans.ts'
import { buildDeviceStore } from './persistence/devices.ts'
import { buildDiagnosticsStore } from './persistence/diagnostics.ts'
import { buildDoorStore } from './persistence/doors.ts'
import { buildDueWorkStore } from './persistence/due-work.ts'
import { buildEnrollmentStore } from './persistence/enrollments.ts'
import { buildInstallationStore } from './persistence/installation.ts'
import { buildIntegrationStore } from './persistence/integrations.ts'
import { buildKeycloakCallbackStore } from './persistence/keycloak-callbacks.ts'
import { buildLeaseStore } from './persistence/leases.ts'
import { buildNoticeStore } from './persistence/notices.ts'
import { buildPasscodeStore } from './persistence/passcodes.ts'
import { buildPersonalDataStore } from './persistence/personal-data.ts'
import { buildPlainAnswerStore } from './persistence/plain-answers.ts'
import { buildPortalStore } from './persistence/portal-sessions.ts'
import { buildProtectionStore } from './persistence/protections.ts'
import { buildReportStore } from './persistence/reports.ts'
import { buildRetentionStore } from './persistence/retention.ts'
import { buildSigningKeyStore } from './persistence/signing-keys.ts'
import { buildSuspensionStore } from './persistence/suspensions.ts'
import { buildTableStatistics } from './persistence/table-statistics.ts'
import { buildTenantStore } from './persistence/tenants.ts'
import { buildTestPushStore } from './persistence/test-pushes.ts'
import { buildUserStore } from './persistence/users.ts'
import { buildWebhookDeliveryStore } from './persistence/webhook-deliveries.ts'
import { buildWebhookEndpointStore } from './persistence/webhook-endpoints.ts'
import type { Random } from './ports/world.ts'

/** Builds every store, on one database. */
export function buildStores(
  { database, schema }: { readonly database: Database; readonly schema: string },
  random: Random,
) {
  return {
    dueWork: buildDueWorkStore(database),
    leases: buildLeaseStore(database, schema),
    tenants: buildTenantStore(database, random),
    apiKeys: buildApiKeyStore(database, random),
    installation: buildInstallationStore(database),
    integrations: buildIntegrationStore(database, random),
    doors: buildDoorStore(database),
    keycloakCallbacks: buildKeycloakCallbackStore(database),
    users: buildUserStore(database, random),
    keys: buildSigningKeyStore(database, random),
    enrollments: buildEnrollmentStore(database, random),
    devices: buildDeviceStore(database, random),
    suspensions: buildSuspensionStore(database, random),
    deviceSpans: buildDeviceSpanStore(database, random),
    portal: buildPortalStore(database, random),
    challenges: buildChallengeStore(database, random),
    plainAnswers: buildPlainAnswerStore(database),
    deliveries: buildDeliveryStore(database),
    activities: buildActivityStore(database, random),
    protections: buildProtectionStore(database, random),
    retention: buildRetentionStore(database, random),
    diagnostics: buildDiagnosticsStore(database, random),
    reports: buildReportStore(database, random),
    audit: buildAuditStore(database, random),
    tableStatistics: buildTableStatistics(database),
    personalData: buildPersonalDataStore(database, random),
    notices: buildNoticeStore(database, random),
    apps: buildAppStore(database, random),
    testPushes: buildTestPushStore(database, random),
    passcodes: buildPasscodeStore(database, random),
    webhookEndpoints: buildWebhookEndpointStore(database, random),
    webhookDeliveries: buildWebhookDeliveryStore(database),
  }
}
