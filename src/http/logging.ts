// What the service writes down: one line a request, ids and never secrets.

import { type LoggerOptions, stdSerializers } from 'pino'

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

/** Where requests and answers would stand in a line. Named one by one: wildcards cost 30 µs a line, these nothing. */
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

/** The error as logged. Its `code` says what broke, so it moves out of the way of the redaction of enrolment codes. */
function errorLine(error: Error): Record<string, unknown> {
  const { code, ...rest } = stdSerializers.err(error) as unknown as Record<string, unknown>
  return { ...rest, ...(code !== undefined && { errorCode: code }) }
}

/** Options of the one logger: JSON lines, RFC 3339 times, and redaction as a net below the rule that secrets are never logged. */
export function loggerOptions(level: string): LoggerOptions {
  return {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: errorLine },
    redact: { paths: redactedPaths, censor: '[redacted]' },
  }
}

/** One finished request, for logs and metrics; `route` is the pattern, never the path that was asked for. */
export type Observation = {
  readonly method: string
  readonly route: string
  /** 499 when the client went away before the answer. */
  readonly status: number
  readonly ms: number
}
