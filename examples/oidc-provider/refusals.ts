import { errors } from 'oidc-provider'
import { RefusedCall } from '../../clients/typescript/src/client.ts'

/**
 * Refusals because of an earlier decision by the user or an admin, or because the user cannot be
 * asked.
 */
const denials = new Set(['no_capable_device', 'user_suspended', 'push_locked', 'initiator_blocked'])

/**
 * The error for the client of a CIBA request when no challenge was created (CIBA Core 1.0, section
 * 13). Any unknown code, and every fault of the connection or of the key, means that no sign-in is
 * possible at this time.
 */
export function errorFor(error: unknown): errors.OIDCProviderError {
  const code = error instanceof RefusedCall ? error.code : 'unreachable'
  if (code === 'user_not_found') return new errors.UnknownUserId('the user has no phone yet')
  if (code === 'number_too_short') return new errors.InvalidBindingMessage('more digits are needed')
  if (denials.has(code)) return new errors.AccessDenied('the user cannot be asked')
  return new errors.TemporarilyUnavailable('the approval service cannot ask at this time', {
    cause: error instanceof Error ? error : new Error(code),
  })
}
