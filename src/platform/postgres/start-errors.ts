// PostgreSQL's errors at a start, in messages for the operator.

import { ConnectFailure, DatabaseFault, isDatabaseUnavailable } from './database-errors.ts'

type ServerError = {
  readonly severity?: unknown
  readonly code?: unknown
  readonly message?: unknown
}

const cures: Readonly<Record<string, string>> = {
  '25006': 'it is read-only, as a standby is: name the primary server',
  '42501': 'give the role all rights on all objects in the schema, or let it own the schema',
  '53100': 'the disk of the database server is full',
}

/**
 * Whether a start should wait: the database is away or cannot serve at the moment. A wrong password
 * or a missing database does not resolve by itself.
 */
export function isWorthWaiting(error: unknown): boolean {
  if (error instanceof ConnectFailure) return error.isTransient
  if (error instanceof DatabaseFault) return false
  const { code } = (error ?? {}) as ServerError
  return isDatabaseUnavailable(error) && !Object.hasOwn(cures, String(code))
}

/** One line for a database error at a start; undefined for any other error. */
export function describeDatabaseError(error: unknown): string | undefined {
  if (error instanceof DatabaseFault) return error.message
  if (!(error instanceof Error)) return undefined
  const { severity, code, message } = error as ServerError
  if (isDatabaseUnavailable(error) && severity === undefined) {
    return `it does not answer (${code ?? message})`
  }
  if (severity === undefined || typeof code !== 'string') return undefined
  const cure = cures[code]
  return `it says: ${message} (SQLSTATE ${code})${cure ? `: ${cure}` : ''}`
}
