// What the service logs: one line per request, ids and never secrets.

import { type LoggerOptions, stdSerializers } from 'pino'
import { spellOutHidden } from '../../domain/text.ts'

/** Members that hold secrets or lead to them; none is ever logged on purpose. */
const secretNames = [
  'authorization',
  'device-proof',
  'number',
  'code',
  'token',
  'secret',
  'uri',
  'jws',
] as const

/**
 * Where requests and answers would appear in a line. Named one by one: wildcards cost 30 µs a line,
 * these nothing.
 */
const places = [
  '',
  'body',
  'headers',
  'query',
  'params',
  'payload',
  'command',
  'answer',
  'req.headers',
  'req.body',
  'request.headers',
  'request.body',
  'reply.body',
  'res.body',
] as const

const redactedPaths = places.flatMap((place) => secretNames.map((name) => `${place}["${name}"]`))

/** What is logged of an error besides its message: scalars that locate the failure. */
const errorFacts = [
  'errno',
  'syscall',
  'address',
  'port',
  'status',
  'severity',
  'routine',
  'table',
  'column',
  'constraint',
] as const

/**
 * The error as logged: its message, its stack and the facts above, never its other properties.
 * (pg-pool attaches the whole client to an error, with every statement and the key that cancels
 * queries; gaxios the request, with its bearer token.) Its `code` says what failed, so it is
 * renamed, because enrollment codes are redacted under that name.
 */
function errorLine(input: unknown): Record<string, unknown> {
  if (!(input instanceof Error)) return { message: String(input) }
  const error = stdSerializers.err(input) as unknown as Record<string, unknown>
  const { type, message, stack, code, aggregateErrors } = error
  const facts = errorFacts.flatMap((name) => {
    const value = error[name]
    return typeof value === 'string' || typeof value === 'number' ? [[name, value]] : []
  })
  return {
    type,
    message,
    stack,
    ...Object.fromEntries(facts),
    ...(code !== undefined && { errorCode: code }),
    ...(Array.isArray(aggregateErrors) && {
      errors: aggregateErrors.map(({ message }) => message),
    }),
  }
}

/**
 * Options of the one logger: JSON lines, RFC 3339 times, and redaction as a safety net for the rule
 * that secrets are never logged.
 */
export function loggerOptions(level: string): LoggerOptions {
  return {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: errorLine },
    redact: { paths: redactedPaths, censor: '[redacted]' },
    // JSON escapes no C1 controls, direction overrides or line separators, and terminals obey them.
    hooks: { streamWrite: (line) => `${spellOutHidden(line.slice(0, -1))}\n` },
  }
}

/** One finished request, for logs and metrics; `route` is the pattern, never the requested path. */
export type Observation = {
  readonly method: string
  readonly route: string
  /** 499 when the client went away before the answer. */
  readonly status: number
  readonly ms: number
}
