// PostgreSQL, appendix A: whole classes first, then single codes.
const transientClasses = new Set([
  '08', // connection exception
  '53', // insufficient resources, also too many connections
  '58', // system error
])
const transientCodes = new Set([
  '57014', // statement timeout
  '57P01', // shut down by an administrator
  '57P02', // shut down after a crash
  '57P03', // starts or recovers
  '57P05', // idle session timeout
  '26000', // prepared statement lost
  '25006', // we are connected to what has become a replica
  '25P03', // idle in transaction timeout
  '40001', // serialisation failure
  '40P01', // deadlock
  '55P03', // lock timeout
  // The codes of Node and of its resolver for the same
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  // Prisma's
  'P1001',
  'P1002',
  'P1008',
  'P1017',
  'P2024',
  'P2028',
  'P2034',
  'P2037',
])
// At the start of any line: Prisma puts a heading before pg's message. A socket in a folder is gone
// while its server is.
const transientMessages = new RegExp(
  `^(${[
    'connect ENOENT',
    'cached plan must not change',
    'Connection terminated',
    'timeout expired',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'Cannot use a pool after calling end',
    'Client (has encountered|was closed)',
  ].join('|')})`,
  'm',
)
// Prisma's driver adapter names some errors instead of passing them on.
const transientKinds = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TooManyConnections',
  'TransactionWriteConflict',
])

type ErrorFields = {
  readonly code?: unknown
  readonly originalCode?: unknown
  readonly kind?: unknown
  readonly message?: unknown
  readonly cause?: unknown
  readonly meta?: { readonly driverAdapterError?: unknown }
}

/**
 * Whether the error means that the database cannot serve now but may later (gone, starting,
 * overloaded, too slow), so that the same request is worth retrying: HTTP answers 503. Any other
 * error is a defect or a refusal.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  const { code, originalCode, kind, message, cause, meta } = error as ErrorFields
  return (
    isTransientCode(code) ||
    isTransientCode(originalCode) ||
    transientKinds.has(String(kind)) ||
    transientMessages.test(String(message)) ||
    isDatabaseUnavailable(cause) ||
    isDatabaseUnavailable(meta?.driverAdapterError)
  )
}

function isTransientCode(code: unknown): boolean {
  return (
    typeof code === 'string' &&
    (transientCodes.has(code) ||
      (/^[0-9A-Z]{5}$/.test(code) && transientClasses.has(code.slice(0, 2))))
  )
}

const connectReasons: Readonly<Record<string, string>> = {
  '28000': 'it does not let this user in',
  '28P01': 'the user name or the password is wrong',
  '3D000': 'it has no database of this name; create it first',
  ENOTFOUND: 'there is no machine of this name',
  '57P03': 'it is starting, stopping or recovering',
}

// PgBouncer has one code for all its errors.
const poolerCode = '08P01'
const poolerRefusals = /unsupported startup parameter|no such (database|user)|authentication failed/

/**
 * Why the service cannot work with this database, in a message for its operator. Continues the text
 * "DATABASE_URL: ".
 */
export class DatabaseFault extends Error {}

type Target = {
  readonly host: string
  readonly port: number
  readonly database?: string | undefined
}

/**
 * The database refuses the first connection or cannot be reached. The message names host, port and
 * database, never the password.
 */
export class ConnectFailure extends DatabaseFault {
  /** False where waiting would not help. */
  readonly isTransient: boolean

  constructor({ host, port, database }: Target, cause: unknown) {
    const { code, message } = cause as ErrorFields
    const isServerError = (cause as { readonly severity?: unknown }).severity !== undefined
    const unknown = isServerError
      ? `it says: ${message}`
      : `it does not answer (${code ?? message})`
    const reason = connectReasons[String(code)] ?? unknown
    super(`the database ${database} at ${host}:${port} cannot be used: ${reason}`, { cause })
    const isRefusal = code === poolerCode && poolerRefusals.test(String(message))
    this.isTransient = isDatabaseUnavailable(cause) && !isRefusal
  }
}

/**
 * True for a row that this unique index already contains (unique_violation): another transaction
 * was first.
 */
export function isUniqueViolation(error: unknown, index: string): boolean {
  const { code, constraint } = error as { readonly code?: unknown; readonly constraint?: unknown }
  return code === '23505' && constraint === index
}
