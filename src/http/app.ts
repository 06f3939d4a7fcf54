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
import type { Clock } from '../ports/world.ts'
import type { Admission } from './admission.ts'
import { boundPipelines } from './connections.ts'
import { answerClientError, answerFrameworkError, handleErrors } from './errors.ts'
import type { HttpApp } from './http-app.ts'
import type { Observation } from './logging.ts'
import { sendProblemPage } from './pages/problem-page.ts'
import { buildKeyGuard, carryPrincipals } from './plugins/api-key.ts'
import { admitDevices, buildProofGuard, carryProofs, hashBodies } from './plugins/device-proof.ts'
import { buildDoorGuard, carryDoors } from './plugins/door.ts'
import { answerExpectContinue, drainBodies } from './plugins/drain-body.ts'
import { parseForms } from './plugins/form-body.ts'
import { plainForwardedFor } from './plugins/forwarded-for.ts'
import { parseJsonBodies, refuseUnknownBodies } from './plugins/json-body.ts'
import { describeRoutes } from './plugins/openapi.ts'
import { buildPortalGuard, carryPortalSessions } from './plugins/portal-session.ts'
import type { SendProblem } from './problem.ts'
import {
  type RequestLogOptions,
  securityHeaders,
  watchRequests,
  watchUnknownRoute,
} from './request-log.ts'
import { deviceChallengeRoutes } from './routes/device/challenges.ts'
import { ownDiagnosticsRoutes } from './routes/device/diagnostics.ts'
import { deviceEnrollmentRoutes } from './routes/device/enrollments.ts'
import { nextPhoneRoutes } from './routes/device/next-phone.ts'
import { notificationRoutes } from './routes/device/notifications.ts'
import { ownProtectionRoutes } from './routes/device/protection.ts'
import { selfRoutes } from './routes/device/self.ts'
import { ownUserRoutes } from './routes/device/user.ts'
import { docsRoutes } from './routes/docs.ts'
import { authApiRoutes } from './routes/doors/auth-api.ts'
import { keycloakRoutes } from './routes/doors/keycloak.ts'
import { waitRoutes } from './routes/doors/wait.ts'
import { enrollmentPageRoutes } from './routes/enrollment-page.ts'
import { healthRoutes } from './routes/health.ts'
import { homeRoutes } from './routes/home.ts'
import { type Metrics, metricsRoutes } from './routes/metrics.ts'
import { portalRoutes } from './routes/portal.ts'
import { portalPageRoutes } from './routes/portal-pages.ts'
import { activityRoutes } from './routes/server/activities.ts'
import { apiKeyRoutes } from './routes/server/api-keys.ts'
import { appRoutes } from './routes/server/apps.ts'
import { auditEventRoutes } from './routes/server/audit-events.ts'
import { challengeRoutes } from './routes/server/challenges.ts'
import { deviceSpanRoutes } from './routes/server/device-spans.ts'
import { deviceRoutes } from './routes/server/devices.ts'
import { diagnosticsRoutes } from './routes/server/diagnostics.ts'
import { enrollmentRoutes } from './routes/server/enrollments.ts'
import { integrationRoutes } from './routes/server/integrations.ts'
import { passcodeRoutes } from './routes/server/passcodes.ts'
import { personalDataRoutes } from './routes/server/personal-data.ts'
import { policyRoutes } from './routes/server/policy.ts'
import { portalLinkRoutes } from './routes/server/portal-links.ts'
import { protectionRoutes } from './routes/server/protection.ts'
import { readinessRoutes } from './routes/server/readiness.ts'
import { relyingPartyRoutes } from './routes/server/relying-parties.ts'
import { reportRoutes } from './routes/server/reports.ts'
import { tenantRoutes } from './routes/server/tenant.ts'
import { testPushRoutes } from './routes/server/test-pushes.ts'
import { userRoutes } from './routes/server/users.ts'
import { webhookEndpointRoutes } from './routes/server/webhook-endpoints.ts'
import { wellKnownRoutes } from './routes/well-known.ts'
import { defaultServerLimits, type ServerLimits } from './server-limits.ts'
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
