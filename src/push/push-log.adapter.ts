import { createHash } from 'node:crypto'
import type { PushMessage, PushResult } from './push.store.ts'

/** The part of a logger that the push adapters use; pino's loggers have it. */
export type PushLog = {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/**
 * Names a push token in logs without revealing it: with a token one can have pushes sent to that
 * phone.
 */
function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex').slice(0, 12)
}

const levels = {
  accepted: 'info',
  token_gone: 'info',
  retry: 'warn',
  rejected: 'warn',
  misconfigured: 'error',
} as const satisfies Record<PushResult['kind'], keyof PushLog>

/**
 * One line per outcome, made of ids, a token hash and the result; never a token, a credential or a
 * library's error object.
 */
export function logOutcome(
  log: PushLog,
  message: PushMessage,
  result: PushResult,
  tookMs: number,
): void {
  const { address, deliveryId, challengeId, activityId, deviceId } = message
  const fields = {
    provider: address.provider,
    appId: address.appId,
    environment: address.environment,
    tokenHash: hashToken(address.token),
    push: message.kind,
    deliveryId,
    ...(challengeId && { challengeId }),
    ...(activityId && { activityId }),
    deviceId,
    result,
    tookMs: Math.round(tookMs),
  }
  log[levels[result.kind]](fields, `push ${result.kind}`)
}

/**
 * External text sanitized for a log line and a database column: printable ASCII, at most 200
 * characters.
 */
export function plainText(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200)
}
