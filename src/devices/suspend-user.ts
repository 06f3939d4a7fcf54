import type { UserId } from '../domain/ids.ts'
import type { Principal } from '../domain/principal.ts'
import { isRefusal, type Refusal } from '../domain/refusal.ts'
import type { UserQueue } from '../platform/fair-queue.ts'
import { readUser } from '../users/find-user.ts'
import type { User, UserStore } from '../users/user.store.ts'
import type { SuspensionStore } from './suspension.store.ts'
import type { NotifyDependencies } from './unregister-devices.ts'

export type Dependencies = NotifyDependencies & {
  readonly users: Pick<UserStore, 'find' | 'findByIdentifier'>
  readonly suspensions: Pick<SuspensionStore, 'suspendUser' | 'activateUser'>
  readonly userQueue: UserQueue
}

/**
 * Suspends a user, or lifts the suspension. When a suspension resolves, no approval of the user
 * commits and no code of theirs is accepted until the user is active again. A status that is
 * already set changes nothing.
 */
export async function setUserStatus(
  dependencies: Dependencies,
  principal: Principal,
  id: UserId,
  status: User['status'],
): Promise<User | Refusal<'too_many_requests' | 'not_found'>> {
  const user = await readUser(dependencies, principal, id)
  if (isRefusal(user) || user.status === status) return user
  const { tenantId, keyId } = principal
  const command = { tenantId, userId: id, actor: `api_key:${keyId}` } as const
  const change = status === 'suspended' ? suspend : activate
  return (await change(dependencies, command)) ?? readUser(dependencies, principal, id)
}

type Command = Parameters<SuspensionStore['suspendUser']>[0]

async function suspend(
  { suspensions, userQueue, signals, revocationLog }: Dependencies,
  command: Command,
): Promise<Refusal<'too_many_requests'> | undefined> {
  const suspension = await userQueue.run(command, command.actor, () =>
    suspensions.suspendUser(command),
  )
  if (!suspension) return undefined
  if (isRefusal(suspension)) return suspension
  const { at, endedChallenges, endedEnrollments } = suspension
  for (const endedId of [...endedChallenges, ...endedEnrollments]) signals.publish(endedId)
  const { tenantId, userId } = command
  await revocationLog.append([{ revocation: 'user_suspended', tenantId, userId, at }])
  return undefined
}

async function activate(
  { suspensions, userQueue, revocationLog }: Dependencies,
  command: Command,
): Promise<Refusal<'too_many_requests'> | undefined> {
  const activation = await userQueue.run(command, command.actor, () =>
    suspensions.activateUser(command),
  )
  if (!activation) return undefined
  if (isRefusal(activation)) return activation
  const { tenantId, userId } = command
  await revocationLog.append([
    { revocation: 'user_activated', tenantId, userId, at: activation.at },
  ])
  return undefined
}
