// All stores, connected to the database; src/compose.ts connects the rest.

import { createActivityStore } from './persistence/activities.ts'
import { createAgendaStore } from './persistence/agenda.ts'
import { createApiKeyStore } from './persistence/api-keys.ts'
import { createAppStore } from './persistence/apps.ts'
import { createAuditStore } from './persistence/audit.ts'
import { createChallengeStore } from './persistence/challenges.ts'
import type { Database } from './persistence/database.ts'
import { createDeliveryStore } from './persistence/deliveries.ts'
import { createDeviceSpanStore } from './persistence/device-spans.ts'
import { createDeviceStore } from './persistence/devices.ts'
import { createDiagnosticsStore } from './persistence/diagnostics.ts'
import { createDoorStore } from './persistence/doors.ts'
import { createEnrollmentStore } from './persistence/enrollments.ts'
import { createInstallationStore } from './persistence/installation.ts'
import { createIntegrationStore } from './persistence/integrations.ts'
import { createKeptAnswerStore } from './persistence/kept-answers.ts'
import { createKeycloakCallbackStore } from './persistence/keycloak-callbacks.ts'
import { createLeaseStore } from './persistence/leases.ts'
import { createNoticeStore } from './persistence/notices.ts'
import { createPasscodeStore } from './persistence/passcodes.ts'
import { createPersonalDataStore } from './persistence/personal-data.ts'
import { createPortalStore } from './persistence/portal-sessions.ts'
import { createProtectionStore } from './persistence/protections.ts'
import { createReportStore } from './persistence/reports.ts'
import { createRetentionStore } from './persistence/retention.ts'
import { createSigningKeyStore } from './persistence/signing-keys.ts'
import { createSuspensionStore } from './persistence/suspensions.ts'
import { createTableStatistics } from './persistence/table-statistics.ts'
import { createTenantStore } from './persistence/tenants.ts'
import { createTestPushStore } from './persistence/test-pushes.ts'
import { createUserStore } from './persistence/users.ts'
import { createWebhookDeliveryStore } from './persistence/webhook-deliveries.ts'
import { createWebhookEndpointStore } from './persistence/webhook-endpoints.ts'
import type { Random } from './ports/world.ts'

/** Builds every store, on one database. */
export function openStores(
  { database, schema }: { readonly database: Database; readonly schema: string },
  random: Random,
) {
  return {
    agenda: createAgendaStore(database),
    leases: createLeaseStore(database, schema),
    tenants: createTenantStore(database, random),
    apiKeys: createApiKeyStore(database, random),
    installation: createInstallationStore(database),
    integrations: createIntegrationStore(database, random),
    doors: createDoorStore(database),
    keycloakCallbacks: createKeycloakCallbackStore(database),
    users: createUserStore(database, random),
    keys: createSigningKeyStore(database, random),
    enrollments: createEnrollmentStore(database, random),
    devices: createDeviceStore(database, random),
    suspensions: createSuspensionStore(database, random),
    deviceSpans: createDeviceSpanStore(database, random),
    portal: createPortalStore(database, random),
    challenges: createChallengeStore(database, random),
    keptAnswers: createKeptAnswerStore(database),
    deliveries: createDeliveryStore(database),
    activities: createActivityStore(database, random),
    protections: createProtectionStore(database, random),
    retention: createRetentionStore(database, random),
    diagnostics: createDiagnosticsStore(database, random),
    reports: createReportStore(database, random),
    audit: createAuditStore(database, random),
    tableStatistics: createTableStatistics(database),
    personalData: createPersonalDataStore(database, random),
    notices: createNoticeStore(database, random),
    apps: createAppStore(database, random),
    testPushes: createTestPushStore(database, random),
    passcodes: createPasscodeStore(database, random),
    webhookEndpoints: createWebhookEndpointStore(database, random),
    webhookDeliveries: createWebhookDeliveryStore(database),
  }
}
