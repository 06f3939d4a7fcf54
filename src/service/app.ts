// The HTTP side of the service: everything around the routes, and their registration.

import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import cookie from '@fastify/cookie'
import { type FastifyHttpOptions, type FastifyInstance, fastify, LogController } from 'fastify'
import {
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import type { Logger } from 'pino'
import { z } from 'zod'
import { activityRoutes } from '../activities/activities.routes.ts'
import { notificationRoutes } from '../activities/device-notifications.routes.ts'
import { ownUserRoutes } from '../activities/device-user.routes.ts'
import { auditEventRoutes } from '../audit/audit-events.routes.ts'
import { challengeRoutes } from '../challenges/challenges.routes.ts'
import { deviceChallengeRoutes } from '../challenges/device-challenges.routes.ts'
import { readinessRoutes } from '../challenges/readiness.routes.ts'
import {
  admitDevices,
  buildProofGuard,
  carryProofs,
  hashBodies,
} from '../devices/device-proof.guard.ts'
import { deviceSpanRoutes } from '../devices/device-spans.routes.ts'
import { deviceRoutes } from '../devices/devices.routes.ts'
import { ownDiagnosticsRoutes } from '../devices/diagnostics/device-diagnostics.routes.ts'
import { diagnosticsRoutes } from '../devices/diagnostics/diagnostics.routes.ts'
import { selfRoutes } from '../devices/own-device.routes.ts'
import { authApiRoutes } from '../doors/auth-api/auth-api.routes.ts'
import { buildDoorGuard, carryDoors } from '../doors/door.guard.ts'
import { integrationRoutes } from '../doors/integrations.routes.ts'
import { keycloakRoutes } from '../doors/keycloak/keycloak.routes.ts'
import { waitRoutes } from '../doors/wait.routes.ts'
import { deviceEnrollmentRoutes } from '../enrollments/device-enrollments.routes.ts'
import { nextPhoneRoutes } from '../enrollments/device-next-phone.routes.ts'
import { enrollmentPageRoutes } from '../enrollments/enrollment-page.routes.ts'
import { enrollmentRoutes } from '../enrollments/enrollments.routes.ts'
import { passcodeRoutes } from '../passcodes/passcodes.routes.ts'
import { personalDataRoutes } from '../personal-data/personal-data.routes.ts'
import type { Admission } from '../platform/http/admission.ts'
import { boundPipelines } from '../platform/http/connections.ts'
import { answerExpectContinue, drainBodies } from '../platform/http/drain-body.ts'
import { answerClientError, answerFrameworkError, handleErrors } from '../platform/http/errors.ts'
import { parseForms } from '../platform/http/form-body.ts'
import { plainForwardedFor } from '../platform/http/forwarded-for.ts'
import { healthRoutes } from '../platform/http/health.routes.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { parseJsonBodies, refuseUnknownBodies } from '../platform/http/json-body.ts'
import type { Observation } from '../platform/http/logging.ts'
import { type Metrics, metricsRoutes } from '../platform/http/metrics.routes.ts'
import { describeRoutes } from '../platform/http/openapi.ts'
import { sendProblemPage } from '../platform/http/pages/problem-page.ts'
import type { SendProblem } from '../platform/http/problem.ts'
import {
  type RequestLogOptions,
  securityHeaders,
  watchRequests,
  watchUnknownRoute,
} from '../platform/http/request-log.ts'
import { defaultServerLimits, type ServerLimits } from '../platform/http/server-limits.ts'
import type { Clock } from '../platform/world.ts'
import { portalRoutes } from '../portal/portal.routes.ts'
import { portalLinkRoutes } from '../portal/portal-links.routes.ts'
import { portalPageRoutes } from '../portal/portal-pages.routes.ts'
import { buildPortalGuard, carryPortalSessions } from '../portal/portal-session.guard.ts'
import { ownProtectionRoutes } from '../protection/device-protection.routes.ts'
import { protectionRoutes } from '../protection/protection.routes.ts'
import { reportRoutes } from '../protection/reports.routes.ts'
import { appRoutes } from '../push/apps.routes.ts'
import { testPushRoutes } from '../push/test-pushes.routes.ts'
import { buildKeyGuard, carryPrincipals } from '../tenants/api-key.guard.ts'
import { apiKeyRoutes } from '../tenants/api-keys.routes.ts'
import { policyRoutes } from '../tenants/policy.routes.ts'
import { wellKnownRoutes } from '../tenants/public-keys.routes.ts'
import { relyingPartyRoutes } from '../tenants/relying-parties.routes.ts'
import { tenantRoutes } from '../tenants/tenant.routes.ts'
import { userRoutes } from '../users/users.routes.ts'
import { webhookEndpointRoutes } from '../webhooks/webhook-endpoints.routes.ts'
import { docsRoutes } from './docs/docs.routes.ts'
import { homeRoutes } from './home.routes.ts'
import type { UseCases } from './use-cases.ts'

export type AppOptions = {
  readonly useCases: UseCases
  /** Decides which callers are served first. */
  readonly admission: Admission
  /** Built with `loggerOptions`; false turns logging off. */
  readonly logger: Logger | false
  /**
   * Origin under which clients reach the service, without a trailing slash: device proofs name it.
   */
  readonly publicOrigin: string
  /**
   * True when the error says that the database cannot be reached at the moment: answered 503
   * instead of 500.
   */
  readonly isUnavailable: (error: unknown) => boolean
  readonly ready: () => Promise<boolean>
  /**
   * True once the service is about to stop: it answers as before, but is not ready and keeps no
   * connection alive.
   */
  readonly leaving?: () => boolean
  /**
   * Called once when the server begins to close: must end every wait of the use cases immediately.
   */
  readonly stopWaiting: () => void
  /** Proxies whose `X-Forwarded-*` headers are trusted; none by default. */
  readonly trustProxy?: boolean | string | string[]
  readonly metrics?: Metrics
  readonly onRequestObserved?: (observation: Observation) => void
  readonly clock: Clock
  /** False to serve neither `/docs` nor `/openapi.yaml`. */
  readonly apiDocs?: boolean
  readonly limits?: Partial<ServerLimits>
}

function serverOptions(
  { logger, trustProxy = false }: AppOptions,
  limits: ServerLimits,
  headers: Readonly<Record<string, string>>,
): FastifyHttpOptions<Server> {
  return {
    ...(logger && { loggerInstance: logger }),
    logController: new LogController({ disableRequestLogging: true }),
    // Our own lines carry the request's id, so no logger is built for each request.
    childLoggerFactory: (parent) => parent,
    genReqId: () => randomUUID(),
    trustProxy,
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    http: {
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: limits.connectionsCheckingIntervalMs,
      maxHeaderSize: limits.headerBytesMax,
    },
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    exposeHeadRoutes: false,
    // Fastify's own 503 is no problem document; requests that still arrive on an open connection
    // are answered as before.
    return503OnClosing: false,
    frameworkErrors: answerFrameworkError(headers, limits),
    clientErrorHandler: answerClientError(limits),
  }
}

/** Fastify passes a missing body to its schema as null. */
function messageForMissing({ input, path = [] }: z.core.$ZodRawIssue): string | undefined {
  const isMissing = input === undefined || (input === null && path.length === 0)
  return isMissing ? 'is required' : undefined
}

/**
 * The app, ready to listen or to be injected into. Nothing is looked up in it: each route is passed
 * its dependencies.
 */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { publicOrigin, isUnavailable, onRequestObserved, leaving = () => false } = options
  const limits = { ...defaultServerLimits, ...options.limits }
  const headers = securityHeaders(publicOrigin)
  const app = fastify(serverOptions(options, limits, headers)).withTypeProvider<ZodTypeProvider>()
  const { log } = app
  let isStopping = false
  // Node closes connections that are idle when the server begins to close, but not those that
  // become so later.
  const closeIdle = () => {
    if (isStopping) app.server.closeIdleConnections()
  }
  const logOptions: RequestLogOptions = {
    log,
    headers,
    onObservation: onRequestObserved,
    onFinish: closeIdle,
  }
  const watchUnroutedRequest = watchUnknownRoute(logOptions)

  if (options.trustProxy) app.addHook('onRequest', plainForwardedFor)
  handleErrors(app, { isUnavailable, log })
  drainBodies(app, limits)
  answerExpectContinue(app.server, limits)
  boundPipelines(app.server, limits)
  app.setNotFoundHandler((request, reply) => {
    watchUnroutedRequest(request, reply)
    return sendProblemPage(reply, 'not_found')
  })
  z.config({ customError: messageForMissing })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  parseJsonBodies(app)
  carryPrincipals(app)
  carryProofs(app)
  carryDoors(app)
  carryPortalSessions(app)
  watchRequests(app, logOptions)
  refuseUnknownBodies(app)
  await describeRoutes(app)
  closeWhileLeaving(app, leaving)

  app.addHook('preClose', (done) => {
    isStopping = true
    options.stopWaiting()
    done()
  })
  registerRoutes(app, options, limits, () => isStopping)
  await app.ready()
  return app
}

/**
 * Node keeps a connection that was idle when its last answer was sent, and resets requests on it
 * while the server closes.
 */
function closeWhileLeaving(app: HttpApp, leaving: () => boolean): void {
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (leaving()) reply.header('connection', 'close')
    done(null, payload)
  })
}

function registerRoutes(
  app: HttpApp,
  options: AppOptions,
  limits: ServerLimits,
  stopping: () => boolean,
): void {
  const { useCases, admission, publicOrigin, leaving = () => false, metrics, clock } = options
  const ready = async () => !leaving() && options.ready()
  const key = buildKeyGuard(useCases.authenticateApiKey, admission)
  const server = { useCases, key, limits, stopping }
  for (const routes of [
    tenantRoutes,
    policyRoutes,
    relyingPartyRoutes,
    apiKeyRoutes,
    integrationRoutes,
    auditEventRoutes,
    personalDataRoutes,
    userRoutes,
    activityRoutes,
    appRoutes,
    protectionRoutes,
    reportRoutes,
    diagnosticsRoutes,
    deviceRoutes,
    deviceSpanRoutes,
    testPushRoutes,
    readinessRoutes,
    enrollmentRoutes,
    challengeRoutes,
    passcodeRoutes,
    portalLinkRoutes,
    webhookEndpointRoutes,
  ]) {
    app.register(routes, server)
  }
  app.register((scope, _options, done) => {
    hashBodies(scope)
    const proof = buildProofGuard(useCases.readDeviceProof, publicOrigin)
    admitDevices(scope, admission)
    const device = { useCases, proof, clock, admission }
    for (const routes of [
      deviceEnrollmentRoutes,
      nextPhoneRoutes,
      deviceChallengeRoutes,
      selfRoutes,
      ownUserRoutes,
      notificationRoutes,
      ownProtectionRoutes,
      ownDiagnosticsRoutes,
    ]) {
      scope.register(routes, device)
    }
    done()
  })
  app.register((scope, _options, done) => {
    scope.register(cookie)
    const guard = (more: { readonly isPage: boolean; readonly send?: SendProblem }) =>
      buildPortalGuard(useCases.authenticatePortal, { publicOrigin, admission, ...more })
    const portal = guard({ isPage: false })
    scope.register(portalRoutes, { useCases, portal, publicOrigin, admission })
    scope.register((pages, _pageOptions, ready) => {
      const send = sendProblemPage
      handleErrors(pages, { isUnavailable: options.isUnavailable, log: app.log, send })
      parseForms(pages)
      const portal = guard({ isPage: true, send })
      pages.register(portalPageRoutes, { useCases, portal, publicOrigin, admission })
      ready()
    })
    done()
  })
  app.register(keycloakRoutes, { useCases, admission })
  app.register(waitRoutes, { useCases, door: buildDoorGuard(useCases, admission) })
  app.register(authApiRoutes, { useCases, clock, admission })
  app.register(wellKnownRoutes, { useCases, admission })
  app.register(enrollmentPageRoutes)
  app.register(homeRoutes, { apiDocs: options.apiDocs ?? true })
  app.register(healthRoutes, { ready })
  if (metrics) app.register(metricsRoutes, metrics)
  if (options.apiDocs ?? true) app.register(docsRoutes)
}
