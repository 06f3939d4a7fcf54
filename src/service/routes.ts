import cookie from '@fastify/cookie'
import { activityRoutes } from '../activities/activities.routes.ts'
import { notificationRoutes } from '../activities/device-notifications.routes.ts'
import { ownUserRoutes } from '../activities/device-user.routes.ts'
import { auditEventRoutes } from '../audit/audit-events.routes.ts'
import { challengeRoutes } from '../challenges/challenges.routes.ts'
import { deviceChallengeRoutes } from '../challenges/device-challenges.routes.ts'
import { readinessRoutes } from '../challenges/readiness.routes.ts'
import { admitDevices, buildProofGuard, hashBodies } from '../devices/device-proof.guard.ts'
import { deviceSpanRoutes } from '../devices/device-spans.routes.ts'
import { deviceRoutes } from '../devices/devices.routes.ts'
import { ownDiagnosticsRoutes } from '../devices/diagnostics/device-diagnostics.routes.ts'
import { diagnosticsRoutes } from '../devices/diagnostics/diagnostics.routes.ts'
import { selfRoutes } from '../devices/own-device.routes.ts'
import { userStatusRoutes } from '../devices/user-status.routes.ts'
import { authApiRoutes } from '../doors/auth-api/auth-api.routes.ts'
import { legacyAuthApiRoutes } from '../doors/auth-api/legacy-auth-api.routes.ts'
import { buildDoorGuard } from '../doors/door.guard.ts'
import { integrationRoutes } from '../doors/integrations.routes.ts'
import { keycloakRoutes } from '../doors/keycloak/keycloak.routes.ts'
import { waitRoutes } from '../doors/wait.routes.ts'
import { appLinkRoutes } from '../enrollments/app-links.routes.ts'
import { deviceEnrollmentRoutes } from '../enrollments/device-enrollments.routes.ts'
import { nextPhoneRoutes } from '../enrollments/device-next-phone.routes.ts'
import { enrollmentPageRoutes } from '../enrollments/enrollment-page.routes.ts'
import { enrollmentWindowRoutes } from '../enrollments/enrollment-windows.routes.ts'
import { enrollmentRoutes } from '../enrollments/enrollments.routes.ts'
import { passcodeRoutes } from '../passcodes/passcodes.routes.ts'
import { personalDataRoutes } from '../personal-data/personal-data.routes.ts'
import { handleErrors } from '../platform/http/errors.ts'
import { parseForms } from '../platform/http/form-body.ts'
import { healthRoutes } from '../platform/http/health.routes.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { metricsRoutes } from '../platform/http/metrics.routes.ts'
import { sendProblemPage } from '../platform/http/pages/problem-page.ts'
import type { SendProblem } from '../platform/http/problem.ts'
import type { ServerLimits } from '../platform/http/server-limits.ts'
import { entrancePageRoutes } from '../portal/entrance/entrance.routes.ts'
import { portalLinkRoutes } from '../portal/entrance/portal-links.routes.ts'
import { type PortalOptions, portalRoutes } from '../portal/portal.routes.ts'
import { portalAccountRoutes } from '../portal/portal-account.routes.ts'
import { portalAccountPageRoutes } from '../portal/portal-account-pages.routes.ts'
import { portalDevicePageRoutes } from '../portal/portal-device-pages.routes.ts'
import { portalDeviceRoutes } from '../portal/portal-devices.routes.ts'
import { portalPageRoutes } from '../portal/portal-pages.routes.ts'
import { portalPhonePageRoutes } from '../portal/portal-phone-pages.routes.ts'
import { portalPhoneRoutes } from '../portal/portal-phones.routes.ts'
import { buildPortalGuard } from '../portal/portal-session.guard.ts'
import { portalSignInPageRoutes } from '../portal/portal-sign-in-pages.routes.ts'
import { portalSignInRoutes } from '../portal/portal-sign-ins.routes.ts'
import { connectionTestRoutes } from '../prompts/connection-test/connection-test.routes.ts'
import { authorizeRoutes } from '../prompts/oidc/authorize.routes.ts'
import { oidcRoutes } from '../prompts/oidc/oidc.routes.ts'
import { enrollRoutes } from '../prompts/page/enroll.routes.ts'
import { promptRoutes } from '../prompts/page/prompt.routes.ts'
import { promptCodeRoutes } from '../prompts/page/prompt-code.routes.ts'
import { promptEventRoutes } from '../prompts/page/prompt-events.routes.ts'
import { ownProtectionRoutes } from '../protection/device-protection.routes.ts'
import { protectionRoutes } from '../protection/protection.routes.ts'
import { pushSignInRoutes } from '../protection/push-sign-in.routes.ts'
import { readinessCountRoutes } from '../protection/readiness-counts.routes.ts'
import { reportRoutes } from '../protection/reports.routes.ts'
import { appRoutes } from '../push/apps.routes.ts'
import { ownPushRoutes } from '../push/doctor/own-pushes.routes.ts'
import { pushRoutes } from '../push/doctor/pushes.routes.ts'
import { testPushRoutes } from '../push/test-pushes.routes.ts'
import { webPushKeyRoutes } from '../push/web-push-key.routes.ts'
import { buildKeyGuard } from '../tenants/api-key.guard.ts'
import { apiKeyRoutes } from '../tenants/api-keys.routes.ts'
import { brandingRoutes } from '../tenants/branding/branding.routes.ts'
import { logoRoutes } from '../tenants/branding/logo.routes.ts'
import { policyRoutes } from '../tenants/policy.routes.ts'
import { wellKnownRoutes } from '../tenants/public-keys.routes.ts'
import { relyingPartyRoutes } from '../tenants/relying-parties.routes.ts'
import { tenantRoutes } from '../tenants/tenant.routes.ts'
import { userRoutes } from '../users/users.routes.ts'
import { webhookEndpointRoutes } from '../webhooks/webhook-endpoints.routes.ts'
import type { AppOptions } from './app-options.ts'
import { docsRoutes } from './docs/docs.routes.ts'
import { authenticatorAddress, authenticatorRoutes } from './faces/authenticator.routes.ts'
import { homeRoutes } from './home.routes.ts'

/** Routes of a noun; each takes of the options what its use cases need. */
type Routes<Options> = (app: HttpApp, options: Options, done: () => void) => void

export function registerRoutes(
  app: HttpApp,
  options: AppOptions,
  limits: ServerLimits,
  stopping: () => boolean,
): void {
  const { useCases, admission, publicOrigin, leaving = () => false, metrics, clock } = options
  const ready = async () => !leaving() && options.ready()
  const key = buildKeyGuard(useCases.authenticateApiKey, admission)
  const server = { useCases, key, limits, stopping, publicOrigin }
  const serverRoutes: readonly Routes<typeof server>[] = [
    tenantRoutes,
    policyRoutes,
    brandingRoutes,
    relyingPartyRoutes,
    apiKeyRoutes,
    integrationRoutes,
    connectionTestRoutes,
    auditEventRoutes,
    personalDataRoutes,
    userRoutes,
    userStatusRoutes,
    activityRoutes,
    appRoutes,
    protectionRoutes,
    pushSignInRoutes,
    readinessCountRoutes,
    reportRoutes,
    diagnosticsRoutes,
    deviceRoutes,
    deviceSpanRoutes,
    testPushRoutes,
    pushRoutes,
    readinessRoutes,
    enrollmentRoutes,
    enrollmentWindowRoutes,
    challengeRoutes,
    passcodeRoutes,
    portalLinkRoutes,
    webhookEndpointRoutes,
  ]
  for (const routes of serverRoutes) app.register(routes, server)
  app.register((scope, _options, done) => {
    hashBodies(scope)
    const proof = buildProofGuard(useCases.readDeviceProof, publicOrigin)
    admitDevices(scope, admission)
    const device = { useCases, proof, clock, admission }
    const ownRoutes: readonly Routes<typeof device>[] = [
      deviceEnrollmentRoutes,
      nextPhoneRoutes,
      deviceChallengeRoutes,
      selfRoutes,
      ownPushRoutes,
      ownUserRoutes,
      notificationRoutes,
      ownProtectionRoutes,
      ownDiagnosticsRoutes,
    ]
    for (const routes of ownRoutes) scope.register(routes, device)
    done()
  })
  app.register((scope, _options, done) => {
    scope.register(cookie)
    const guard = (more: { readonly isPage: boolean; readonly send?: SendProblem }) =>
      buildPortalGuard(useCases.authenticatePortal, { publicOrigin, admission, ...more })
    const portal = guard({ isPage: false })
    const common = { useCases, publicOrigin, admission, limits, stopping }
    const api: readonly Routes<PortalOptions>[] = [
      portalRoutes,
      portalDeviceRoutes,
      portalSignInRoutes,
      portalPhoneRoutes,
      portalAccountRoutes,
    ]
    for (const routes of api) scope.register(routes, { ...common, portal })
    scope.register((pages, _pageOptions, ready) => {
      const send = sendProblemPage
      handleErrors(pages, { isUnavailable: options.isUnavailable, log: app.log, send })
      parseForms(pages)
      const portal = guard({ isPage: true, send })
      const pageRoutes: readonly Routes<PortalOptions>[] = [
        portalPageRoutes,
        entrancePageRoutes,
        portalDevicePageRoutes,
        portalSignInPageRoutes,
        portalPhonePageRoutes,
        portalAccountPageRoutes,
      ]
      for (const routes of pageRoutes) pages.register(routes, { ...common, portal })
      ready()
    })
    done()
  })
  app.register(keycloakRoutes, { useCases, admission })
  app.register(waitRoutes, { useCases, door: buildDoorGuard(useCases, admission) })
  app.register(authApiRoutes, { useCases, clock, admission })
  app.register(legacyAuthApiRoutes, { useCases, clock, admission })
  app.register(wellKnownRoutes, { useCases, admission })
  app.register(logoRoutes, { useCases, admission })
  app.register(oidcRoutes, { useCases, admission })
  const { authenticatorFolder: folder, authenticatorOrigin = null } = options
  const origins = { publicOrigin, authenticatorOrigin }
  const authenticator = folder === undefined ? null : authenticatorAddress(origins)
  app.register((pages, _options, ready) => {
    pages.register(cookie)
    handleErrors(pages, {
      ...{ isUnavailable: options.isUnavailable, log: app.log, send: sendProblemPage },
    })
    pages.register(authorizeRoutes, { useCases, admission, publicOrigin })
    const prompt = { useCases, admission, publicOrigin, limits, stopping }
    pages.register(promptRoutes, prompt)
    pages.register(promptCodeRoutes, prompt)
    pages.register(promptEventRoutes, prompt)
    pages.register(enrollRoutes, { ...prompt, authenticator })
    ready()
  })
  app.register(webPushKeyRoutes, { useCases, admission })
  const { linkedApps = [] } = options
  app.register((pages, _options, ready) => {
    const send = sendProblemPage
    handleErrors(pages, { isUnavailable: options.isUnavailable, log: app.log, send })
    pages.register(enrollmentPageRoutes, { linkedApps, publicOrigin, authenticator })
    const { webauthnRpId: rpId = null } = options
    if (folder !== undefined) pages.register(authenticatorRoutes, { folder, rpId, ...origins })
    pages.register(homeRoutes, { apiDocs: options.apiDocs ?? true })
    ready()
  })
  app.register(appLinkRoutes, { linkedApps })
  app.register(healthRoutes, { ready })
  if (metrics) app.register(metricsRoutes, metrics)
  if (options.apiDocs ?? true) app.register(docsRoutes)
}
