import type { UserId } from '../domain/ids.ts'
import type { OtherFactors, PasscodeMethod } from '../domain/passcode.ts'
import { otherFactorsOf } from '../domain/passcode.ts'
import type { Principal } from '../domain/principal.ts'
import type { Refusal } from '../domain/refusal.ts'
import { isRefusal } from '../domain/refusal.ts'
import type { TenantStore } from '../tenants/directory.store.ts'
import { readUser } from '../users/find-user.ts'
import type { PasscodeStore } from './passcode.store.ts'
import type { Dependencies } from './verify-passcode.ts'

/** The factors that a user could be asked for instead of a push. */
export async function readOtherFactors(
  dependencies: Pick<Dependencies, 'users'> & {
    readonly passcodes: Pick<PasscodeStore, 'otherFactors'>
    readonly tenants: Pick<TenantStore, 'findPolicy'>
  },
  principal: Principal,
  userId: UserId,
): Promise<
  (OtherFactors & { readonly otherFactors: readonly PasscodeMethod[] }) | Refusal<'not_found'>
> {
  const user = await readUser(dependencies, principal, userId)
  if (isRefusal(user)) return user
  const { tenantId, rpId } = principal
  const policy = await dependencies.tenants.findPolicy(tenantId, rpId)
  const factors = await dependencies.passcodes.otherFactors(tenantId, userId)
  return { ...factors, otherFactors: otherFactorsOf(policy, factors) }
}
