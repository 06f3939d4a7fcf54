import { activity } from '../domain/activity.ts'
import { typedCodeAlphabet } from '../domain/enrollment.ts'
import type { TenantId, UserId } from '../domain/ids.ts'
import {
  recoveryCodesPerSet,
  singleUseLength,
  temporaryCodeSeconds,
  writeSingleUse,
} from '../domain/passcode.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal, refuse } from '../domain/refusal.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import type { Hashing, Random, Sealing } from '../platform/world.ts'
import { readUser } from '../users/find-user.ts'
import type { UserStore } from '../users/user.store.ts'
import type { NewSingleUseCode, PasscodeStore, StoredSingleUseCode } from './passcode.store.ts'

export type Dependencies = {
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
  readonly passcodes: Pick<PasscodeStore, 'replaceRecoveryCodes' | 'replaceTemporaryCode'>
  readonly userQueue: UserQueue
  readonly random: Random
  readonly hashing: Pick<Hashing, 'sha256' | 'equal'>
  readonly sealing: Sealing
}

function keyBinding(tenantId: TenantId, id: string): string {
  return `single-use-code:${tenantId}:${id}`
}

type DraftDependencies = Pick<Dependencies, 'random' | 'hashing' | 'sealing'>

function createCode({ random, hashing, sealing }: DraftDependencies, tenantId: TenantId) {
  const code = random.characters(typedCodeAlphabet, singleUseLength)
  const key = random.token(32)
  const id = random.id('singleUseCode')
  const storedCode: NewSingleUseCode = {
    id,
    hash: hashing.sha256(`${key}:${code}`),
    keySealed: sealing.seal(key, keyBinding(tenantId, id)),
  }
  return { code: writeSingleUse(code), storedCode }
}

/** A set of recovery codes, each as it is shown and as it is stored. */
export function draftRecoveryCodes(dependencies: DraftDependencies, tenantId: TenantId) {
  return Array.from({ length: recoveryCodesPerSet }, () => createCode(dependencies, tenantId))
}

/** The stored code that matches the typed one. */
export function findSingleUse(
  { hashing, sealing }: Pick<Dependencies, 'hashing' | 'sealing'>,
  tenantId: TenantId,
  codes: readonly StoredSingleUseCode[],
  typedCode: string,
): StoredSingleUseCode | undefined {
  return codes.find(({ id, hash, keySealed }) => {
    const key = sealing.open(keySealed, keyBinding(tenantId, id))
    return hashing.equal(hash, hashing.sha256(`${key}:${typedCode}`))
  })
}

/**
 * Creates a set of recovery codes for a user, readable this once, which replaces the former set.
 */
export async function createRecoveryCodes(
  dependencies: Dependencies,
  principal: Principal,
  userId: UserId,
): Promise<readonly string[] | Refusal<'too_many_requests' | 'not_found'>> {
  const user = await readUser(dependencies, principal, userId)
  if (isRefusal(user)) return user
  const { tenantId, rpId, keyId } = principal
  const newCodes = draftRecoveryCodes(dependencies, tenantId)
  const replacement = {
    tenantId,
    userId,
    codes: newCodes.map(({ storedCode }) => storedCode),
    activity: activity({ userId, type: 'recovery_codes_made', actor: `api_key:${keyId}` }),
  }
  // Pages of relying parties request them: this is no order of an admin, who would not wait.
  const result = await dependencies.userQueue.run(replacement, `recovery_codes:${rpId}`, () =>
    dependencies.passcodes.replaceRecoveryCodes(replacement),
  )
  if (isRefusal(result)) return result
  return result === null ? refuse('not_found') : newCodes.map(({ code }) => code)
}

/** A temporary code, readable this once. */
export type TemporaryCode = { readonly code: string; readonly expiresAt: Date }

/**
 * Creates a temporary code, for the help desk to give to a person it has recognized. It replaces
 * the user's former one; the user sees it among the activities, and the audit record names the key.
 */
export async function createTemporaryCode(
  dependencies: Dependencies,
  principal: Principal,
  userId: UserId,
  ttlSeconds: number = temporaryCodeSeconds.usual,
): Promise<TemporaryCode | Refusal<'too_many_requests' | 'not_found'>> {
  const user = await readUser(dependencies, principal, userId)
  if (isRefusal(user)) return user
  const { tenantId, keyId } = principal
  const actor = `api_key:${keyId}` as const
  const { code, storedCode } = createCode(dependencies, tenantId)
  const details = { ttlSeconds }
  const replacement = {
    tenantId,
    userId,
    code: storedCode,
    ttlSeconds,
    activity: activity({ userId, type: 'temporary_code_made', actor, details }),
    actor,
  }
  const expiresAt = await dependencies.userQueue.run(replacement, actor, () =>
    dependencies.passcodes.replaceTemporaryCode(replacement),
  )
  if (isRefusal(expiresAt)) return expiresAt
  return expiresAt === null ? refuse('not_found') : { code, expiresAt }
}
