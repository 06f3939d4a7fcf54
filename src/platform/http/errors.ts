// Every error is answered with a problem document: thrown errors, bad URLs, and input that never
// became a request.

import type { Socket } from 'node:net'
import { isUint8Array } from 'node:util/types'
import type {
  FastifyBaseLogger,
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
} from 'fastify'
import { STATUS_CODES } from '../node-http.ts'
import { drainBody, isDrained } from './drain-body.ts'
import { notUtf8Code } from './json-body.ts'
import { sendProblemPage } from './pages/problem-page.ts'
import {
  type Fault,
  problemBody,
  problemMediaType,
  type SendProblem,
  sendProblem,
} from './problem.ts'
import type { ProblemCode } from './problem-table.ts'
import { isIdFault } from './schemas/ids.ts'
import type { ServerLimits } from './server-limits.ts'

export type ErrorOptions = {
  /** True when the error says that the database cannot be reached at the moment. */
  readonly isUnavailable: (error: unknown) => boolean
  readonly log: FastifyBaseLogger
  /** How problems are sent; as documents by default. */
  readonly send?: SendProblem
}

const faultsMax = 20
const messageLengthMax = 200

/**
 * Codes of Fastify's own errors that have a problem of their own; its other 4xx are
 * `invalid_request`.
 */
const frameworkProblems: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
}

/** Hints for faults that no schema finds, where the detail of the problem would say too little. */
const frameworkHints: Readonly<Record<string, string>> = {
  FST_ERR_CTP_INVALID_JSON_BODY:
    'Send JSON (RFC 8259): names and strings are in double quotes, and no member is ' +
    'called `__proto__` or `constructor`.',
  [notUtf8Code]: 'Send the body in UTF-8.',
}

function frameworkProblem(code: string): [ProblemCode, { readonly hint?: string }] {
  const hint = frameworkHints[code]
  return [frameworkProblems[code] ?? 'invalid_request', { ...(hint !== undefined && { hint }) }]
}

function faultsOf(validation: NonNullable<FastifyError['validation']>): Fault[] {
  return validation.slice(0, faultsMax).map(({ instancePath, message }) => ({
    path: instancePath === '/' ? '' : instancePath,
    message: (message ?? 'is not valid').slice(0, messageLengthMax),
  }))
}

/** An ill-formed id in path or query is answered like an unknown one, byte for byte. */
function concernsId({ validation, validationContext }: FastifyError): boolean {
  if (validationContext === 'params') return true
  return validationContext === 'querystring' && (validation ?? []).some(isIdFault)
}

/**
 * Errors while reading a request: Fastify's own, and those of the body stream, which Fastify gives
 * a status.
 */
function isRequestError(error: unknown): error is FastifyError {
  if (!(error instanceof Error && 'statusCode' in error && 'code' in error)) return false
  const { statusCode, code } = error
  return (
    typeof statusCode === 'number' &&
    statusCode < 500 &&
    typeof code === 'string' &&
    (code.startsWith('FST_') || code === notUtf8Code || code === 'ECONNRESET')
  )
}

/**
 * Sets the handler for thrown errors. Must be called before any route is added, or Fastify's own
 * bodies are sent.
 */
export function handleErrors(
  app: FastifyInstance,
  { isUnavailable, log, send = sendProblem }: ErrorOptions,
): void {
  app.setErrorHandler((error: unknown, request, reply) => {
    if (isRequestError(error)) {
      const { code, validation } = error
      if (!validation) return send(reply, ...frameworkProblem(code))
      return concernsId(error)
        ? send(reply, 'not_found')
        : send(reply, 'invalid_request', { errors: faultsOf(validation) })
    }
    const code = isUnavailable(error) ? 'unavailable' : 'internal'
    // What a caller who is gone did not get is no fault: its request is logged as 499.
    if (code === 'unavailable' && reply.raw.destroyed) return send(reply, code)
    log.error({ err: error, requestId: request.id, problem: code }, 'request failed')
    return send(reply, code)
  })
}

/**
 * Answers URLs for which no route could be looked up; hooks do not run for them, so the headers are
 * set here.
 */
export function answerFrameworkError(
  headers: Readonly<Record<string, string>>,
  limits: Pick<ServerLimits, 'discardedBytesMax' | 'discardingMs'>,
) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    reply.headers(headers).header('request-id', request.id)
    const answer = () => sendProblemPage(reply, ...frameworkProblem(error.code))
    if (isDrained(request.raw)) answer()
    else void drainBody(request.raw, limits).then(answer)
  }
}

const clientErrorProblems: Readonly<Record<string, ProblemCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'body_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
}

type ClientError = Error & { readonly code?: string; readonly rawPacket?: unknown }

/** Bytes received after the refusal on each connection, which gets no second answer. */
const lingering = new WeakMap<Socket, number>()

/**
 * Answers input that Node refused before it became a request, on the bare socket, and closes it
 * once the client has done so, or has sent too much: closed immediately, with bytes unread, the
 * connection would be reset and the answer lost.
 */
export function answerClientError(
  limits: Pick<ServerLimits, 'discardedBytesMax' | 'discardingMs'>,
) {
  return (error: ClientError, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return
    const bytesBefore = lingering.get(socket)
    const bytes = (bytesBefore ?? 0) + (isUint8Array(error.rawPacket) ? error.rawPacket.length : 0)
    lingering.set(socket, bytes)
    const isAnswerable = bytesBefore !== undefined || socket.writable
    if (bytes > limits.discardedBytesMax || !isAnswerable) return void socket.destroy(error)
    if (bytesBefore !== undefined) return
    const late = setTimeout(() => socket.destroy(), limits.discardingMs)
    socket.once('close', () => clearTimeout(late))
    socket.end(clientErrorAnswer(clientErrorProblems[error.code ?? ''] ?? 'invalid_request'))
  }
}

function clientErrorAnswer(code: ProblemCode): string {
  const body = problemBody(code)
  const text = JSON.stringify(body)
  return (
    `HTTP/1.1 ${body.status} ${STATUS_CODES[body.status]}\r\n` +
    `Content-Type: ${problemMediaType}; charset=utf-8\r\n` +
    `Content-Length: ${Buffer.byteLength(text)}\r\n` +
    `Cache-Control: no-store\r\nConnection: close\r\n\r\n${text}`
  )
}
