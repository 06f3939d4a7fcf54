import { initiatorText } from '../domain/initiator.ts'
import { issuerOf } from '../domain/issuer.ts'
import type { PasscodeMethod } from '../domain/passcode.ts'
import { passcodeResultPayload, passcodeResultTyp } from '../domain/passcode-result.ts'
import { type Asker, actorOf } from '../domain/principal.ts'
import { isRefusal, type Refusal } from '../domain/refusal.ts'
import type { Random } from '../platform/world.ts'
import type { SigningKeys } from '../tenants/signing-keys.ts'
import { readUser } from '../users/find-user.ts'
import type { UserStore } from '../users/user.store.ts'
import { acceptCode, type CodeDependencies, type CodeRefusal, type Command } from './accept-code.ts'
import { inQueues, type PasscodeQueues } from './passcode-queues.ts'

export type Dependencies = PasscodeQueues &
  CodeDependencies & {
    readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
    readonly random: Pick<Random, 'token'>
    readonly signingKeys: Pick<SigningKeys, 'sign'>
    readonly publicOrigin: string
  }

/** An accepted code. */
export type AcceptedPasscode = {
  readonly method: PasscodeMethod
  readonly recoveryCodesLeft: number
  /** `passcode-result+jwt`. */
  readonly result: string
}

/**
 * Verifies a code that a user typed when no push was possible: a device's passcode, a recovery code
 * or a temporary code. Only the holder of a used code can distinguish it from a wrong one; after
 * too many wrong codes, further ones are refused unchecked.
 */
export async function verifyPasscode(
  dependencies: Dependencies,
  principal: Asker,
  command: Command,
): Promise<AcceptedPasscode | CodeRefusal | Refusal<'too_many_requests' | 'not_found'>> {
  const { tenantId, rpId } = principal
  const { userId } = command
  const user = await readUser(dependencies, principal, userId)
  if (isRefusal(user)) return user
  const initiator = dependencies.hashing.hmacBase64Url(
    initiatorText(rpId, command.initiator ?? null),
  )
  const verify = () => verifyInQueue(dependencies, principal, command, initiator)
  return inQueues(dependencies, { tenantId, userId }, `codes:${initiator}`, verify)
}

async function verifyInQueue(
  dependencies: Dependencies,
  principal: Asker,
  command: Command,
  initiator: string,
): Promise<AcceptedPasscode | CodeRefusal> {
  const { tenantId, rpId } = principal
  const { userId } = command
  const by = { tenantId, rpId, actor: actorOf(principal), initiator }
  const acceptedCode = await acceptCode(dependencies, by, command)
  if (isRefusal(acceptedCode)) return acceptedCode
  const { method, device } = acceptedCode
  const payload = passcodeResultPayload({
    issuer: issuerOf(dependencies.publicOrigin, tenantId),
    tenantId,
    rpId,
    userId,
    jti: dependencies.random.token(16),
    binding: command.binding ?? null,
    method,
    acceptedAt: acceptedCode.at,
    device: device && { id: device.deviceId, activatedAt: device.activatedAt },
  })
  const result = await dependencies.signingKeys.sign(tenantId, passcodeResultTyp, payload)
  return { method, recoveryCodesLeft: acceptedCode.recoveryCodesLeft, result }
}
