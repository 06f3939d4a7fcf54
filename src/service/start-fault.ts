// Starts that cannot succeed, explained to the operator.

/**
 * The reason why the service or a command cannot start, with a remedy: printed as it is, without a
 * stack.
 */
export class StartFault extends Error {}

const listenFaults: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken: set PORT to another one, or stop what listens there',
  EACCES: 'may not be used by this user: set PORT to one above 1023',
  EADDRNOTAVAIL: 'is no address of this machine: set HOST to one that is, or to 0.0.0.0 for all',
  ENOTFOUND: 'is no address of this machine: set HOST to one that is, or to 0.0.0.0 for all',
}

/** The remedy when the service cannot listen; any other error as it is. */
export function listenFault(error: unknown, { host, port }: { host: string; port: number }) {
  const text = listenFaults[String((error as NodeJS.ErrnoException).code)]
  return text ? new StartFault(`${host}:${port} ${text}.`, { cause: error }) : error
}

/**
 * The message of an error that was thrown for the operator, in one line; defects stay as they are.
 */
export function operatorFault(error: unknown): unknown {
  const isForOperator = error instanceof Error && error.constructor === Error && !('code' in error)
  if (!isForOperator) return error
  return new StartFault(error.message.trim().replaceAll(/\s*\n\s*/g, ' / '), { cause: error })
}

const fileFaults: Readonly<Record<string, string>> = {
  EACCES: 'may not be used by this user: change its owner or mode, or run as another user',
  EPERM: 'may not be used by this user: change its owner or mode, or run as another user',
  EROFS: 'is on a read-only file system',
  ENOSPC: 'cannot be written: the disk is full',
  EDQUOT: 'cannot be written: the quota of this user is used up',
  ENOENT: 'does not exist',
  ENOTDIR: 'lies below something that is no folder',
  EISDIR: 'is a folder, not a file',
  EEXIST: 'is there already, and is something else',
}

function messageOfFile(error: unknown): string | undefined {
  const { code, path } = (error ?? {}) as NodeJS.ErrnoException
  const text = fileFaults[String(code)]
  return text && path !== undefined ? `${path} ${text}.` : undefined
}

/**
 * The message of the faults of this file, and of files that cannot be used; any other error with
 * its stack.
 */
export function messageOf(error: unknown): string {
  if (error instanceof StartFault) return error.message
  const file = messageOfFile(error)
  if (file !== undefined) return file
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
