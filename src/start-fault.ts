// Starts that cannot succeed, in words for whoever started it.

/** Why the service or a command cannot start, with what to do about it: printed as it stands, without a stack. */
export class StartFault extends Error {}

const listenFaults: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken: set PORT to another one, or stop what listens there',
  EACCES: 'may not be used by this user: set PORT to one above 1023',
  EADDRNOTAVAIL: 'is no address of this machine: set HOST to one that is, or to 0.0.0.0 for all',
  ENOTFOUND: 'is no address of this machine: set HOST to one that is, or to 0.0.0.0 for all',
}

/** What the operator can do when the service cannot listen; any other error as it is. */
export function listenFault(error: unknown, { host, port }: { host: string; port: number }) {
  const words = listenFaults[String((error as NodeJS.ErrnoException).code)]
  return words ? new StartFault(`${host}:${port} ${words}.`, { cause: error }) : error
}

/** What an error says that was thrown with words for the operator, in one line; defects stay as they are. */
export function toldFault(error: unknown): unknown {
  const isTold = error instanceof Error && error.constructor === Error && !('code' in error)
  if (!isTold) return error
  return new StartFault(error.message.trim().replaceAll(/\s*\n\s*/g, ' / '), { cause: error })
}

const fileFaults: Readonly<Record<string, string>> = {
  EACCES: 'may not be used by this user: change its owner or mode, or run as another user',
  EPERM: 'may not be used by this user: change its owner or mode, or run as another user',
  EROFS: 'lies on a file system that is read-only',
  ENOSPC: 'cannot be written: the disk is full',
  EDQUOT: 'cannot be written: the quota of this user is used up',
  ENOENT: 'is not there',
  ENOTDIR: 'lies below something that is no folder',
  EISDIR: 'is a folder, not a file',
  EEXIST: 'is there already, and is something else',
}

function wordsOfFile(error: unknown): string | undefined {
  const { code, path } = (error ?? {}) as NodeJS.ErrnoException
  const words = fileFaults[String(code)]
  return words && path !== undefined ? `${path} ${words}.` : undefined
}

/** The faults of this file by their words, files that cannot be used too; anything else with its stack. */
export function wordsOf(error: unknown): string {
  if (error instanceof StartFault) return error.message
  const file = wordsOfFile(error)
  if (file !== undefined) return file
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
