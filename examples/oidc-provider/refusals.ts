import { errors } from 'oidc-provider'
import { RefusedCall } from '../../clients/typescript/src/client.ts'

/** What the person or an admin has decided already, or cannot be asked for. */
const denials = new Set(['no_capable_device', 'user_suspended', 'push_locked', 'initiator_blocked'])

/**
 * What the client of a CIBA request is told when nobody was asked (CIBA Core 1.0, section 13). Whatever is not known here, and every fault of
 * the connection or of the key, means that nobody can be signed in at this time.
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
