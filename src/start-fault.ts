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

/** The faults of this file by their words, anything else with its stack. */
export function wordsOf(error: unknown): string {
  if (error instanceof StartFault) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
