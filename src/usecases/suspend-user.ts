import type { UserId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal } from '../domain/refusal.ts'
import type { User, UserStore } from '../ports/directory-store.ts'
import type { SuspensionStore } from '../ports/suspension-store.ts'
import type { UserTurns } from '../ports/turns.ts'
import { findUser } from './find-user.ts'
import type { TellingNeeds } from './unregister-devices.ts'

export type Needs = TellingNeeds & {
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
  readonly suspensions: Pick<SuspensionStore, 'suspendUser' | 'activateUser'>
  readonly userTurns: UserTurns
}

/**
 * Suspends a user, or takes it back. When a suspension returns, no approval of the user commits and no code of theirs is accepted
 * until the user is active again. What is as it should be changes nothing.
 */
export async function setUserStatus(
  needs: Needs,
  principal: Principal,
  id: UserId,
  status: User['status'],
): Promise<User | Refusal> {
  const user = await findUser(needs, principal, { id })
  if (isRefusal(user) || user.status === status) return user
  const { tenantId, keyId } = principal
  const command = { tenantId, userId: id, actor: `api_key:${keyId}` } as const
  const refusal = await (status === 'suspended'
    ? suspend(needs, command)
    : activate(needs, command))
  return refusal ?? findUser(needs, principal, { id })
}

type Command = Parameters<SuspensionStore['suspendUser']>[0]

async function suspend(
  { suspensions, userTurns, signals, revocationLog }: Needs,
  command: Command,
): Promise<Refusal | undefined> {
  const suspended = await userTurns.take(command, command.actor, () =>
    suspensions.suspendUser(command),
  )
  if (!suspended) return undefined
  if (isRefusal(suspended)) return suspended
  const { at, endedChallenges, endedEnrollments } = suspended
  for (const ended of [...endedChallenges, ...endedEnrollments]) signals.publish(ended)
  const { tenantId, userId } = command
  await revocationLog.append([{ revocation: 'user_suspended', tenantId, userId, at }])
  return undefined
}

async function activate(
  { suspensions, userTurns, revocationLog }: Needs,
  command: Command,
): Promise<Refusal | undefined> {
  const activated = await userTurns.take(command, command.actor, () =>
    suspensions.activateUser(command),
  )
  if (!activated) return undefined
  if (isRefusal(activated)) return activated
  const { tenantId, userId } = command
  await revocationLog.append([{ revocation: 'user_activated', tenantId, userId, at: activated.at }])
  return undefined
}
