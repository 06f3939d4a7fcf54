import type { AppOptions } from './app-options.ts'
import { serveAuthenticatorAlone } from './faces/authenticator-origin.http.ts'
import { registerRoutes } from './routes.ts'
// The HTTP side of the service: everything around the routes, and their registration.

import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import { type FastifyHttpOptions, type FastifyInstance, fastify, LogController } from 'fastify'
import {
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import { z } from 'zod'
import { carryProofs } from '../devices/device-proof.guard.ts'
import { carryDoors } from '../doors/door.guard.ts'
import { describeRoutes } from '../platform/http/api-description.ts'
import { carryCallers } from '../platform/http/caller.ts'
import { boundPipelines } from '../platform/http/connections.ts'
import { answerExpectContinue, drainBodies } from '../platform/http/drain-body.ts'
import { answerClientError, answerFrameworkError, handleErrors } from '../platform/http/errors.ts'
import { plainForwardedFor } from '../platform/http/forwarded-for.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { parseJsonBodies, refuseUnknownBodies } from '../platform/http/json-body.ts'
import { carryPageLanguages } from '../platform/http/pages/page-language.ts'
import { sendProblemPage } from '../platform/http/pages/problem-page.ts'
import {
  type RequestLogOptions,
  securityHeaders,
  watchRequests,
  watchUnknownRoute,
} from '../platform/http/request-log.ts'
import { defaultServerLimits, type ServerLimits } from '../platform/http/server-limits.ts'
import { carryPortalSessions } from '../portal/portal-session.guard.ts'
import { carryPrincipals } from '../tenants/api-key.guard.ts'
import { webhookDescriptions } from '../webhooks/webhook-event.schemas.ts'

/** In the place of Fastify's own compilers, which it would load although they are never used. */
function isSetLater(): never {
  throw new Error('the compilers of the app were not set')
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
    schemaController: {
      compilersFactory: { buildValidator: isSetLater, buildSerializer: isSetLater },
    },
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
  const { authenticatorOrigin = null } = options
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
  carryCallers(app)
  carryPageLanguages(app, publicOrigin)
  carryPrincipals(app)
  carryProofs(app)
  carryDoors(app)
  carryPortalSessions(app)
  serveAuthenticatorAlone(app, { publicOrigin, authenticatorOrigin })
  watchRequests(app, logOptions)
  refuseUnknownBodies(app)
  describeRoutes(app, webhookDescriptions)
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
