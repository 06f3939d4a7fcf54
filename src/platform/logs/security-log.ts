import type { Logger } from 'pino'
import type { SecurityLog } from './security-log.store.ts'

/** Writes to the process's log under `stream: security`: at every log level but `silent`. */
export function buildSecurityLog(log: Logger): SecurityLog {
  const level = log.level === 'silent' ? 'silent' : 'info'
  const stream = log.child({ stream: 'security' }, { level })
  return { write: (event) => stream.warn(event, 'security event') }
}
