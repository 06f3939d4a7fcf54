// Codes that users type, for tests of their parts.

import { randomBytes } from 'node:crypto'
import { activity } from '../../src/domain/activity.ts'
import type { DeviceId } from '../../src/domain/ids.ts'
import { passcodePeriodSeconds } from '../../src/domain/passcode.ts'
import type { PasscodeAttempt, SingleUseCodeId } from '../../src/passcodes/passcode.store.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import type { Stores, TestUser } from '../support/stores.ts'
import { until } from '../support/until.ts'

/** A code that matches nothing, typed at some browser. */
export function aGuess(
  { tenantId, userId }: TestUser,
  more: Partial<PasscodeAttempt> = {},
): PasscodeAttempt {
  return {
    tenantId,
    userId,
    initiator: 'browser of an outsider',
    isInitiatorNamed: true,
    knownForDays: 30,
    match: null,
    acceptedActivity: activity({ userId, type: 'passcode_used', actor: 'operator' }),
    failedActivity: activity({ userId, type: 'passcode_failed', actor: 'operator' }),
    ...more,
  }
}

/**
 * The current time step, by the clock of the database, plus an offset; one that lasts for a while.
 */
export async function stepNow({ database }: Stores, offset = 0): Promise<number> {
  const read = async () => {
    const [row] = await database.query<{ steps: number }>(
      'steps_now',
      'select (extract(epoch from clock_timestamp()) / $1)::float8 as steps',
      [passcodePeriodSeconds],
    )
    const steps = row?.steps ?? 0
    return steps % 1 < 0.9 ? Math.floor(steps) : undefined
  }
  return offset + (await until('a step has just begun', read))
}

/** The passcode that this device shows at a step, typed by its user. */
export function aPasscode(
  user: TestUser,
  deviceId: DeviceId,
  step: number,
  more: Partial<PasscodeAttempt> = {},
): PasscodeAttempt {
  return aGuess(user, {
    initiator: 'browser of the owner',
    match: { kind: 'passcode', deviceId, step },
    ...more,
  })
}

/** A single-use code as it is stored. */
export const newCode = () => ({
  id: systemRandom.id('singleUseCode'),
  hash: randomBytes(32),
  keySealed: randomBytes(60),
})

/** Creates a set of one recovery code. */
export async function createRecoveryCode(
  { passcodes }: Stores,
  { tenantId, userId }: TestUser,
): Promise<SingleUseCodeId> {
  const code = newCode()
  await passcodes.replaceRecoveryCodes({
    tenantId,
    userId,
    codes: [code],
    activity: activity({ userId, type: 'recovery_codes_made', actor: 'operator' }),
  })
  return code.id
}

/** Creates a temporary code of this lifetime. */
export async function createTemporaryCode(
  { passcodes }: Stores,
  { tenantId, userId }: TestUser,
  ttlSeconds = 3600,
): Promise<SingleUseCodeId> {
  const code = newCode()
  await passcodes.replaceTemporaryCode({
    tenantId,
    userId,
    code,
    ttlSeconds,
    activity: activity({ userId, type: 'temporary_code_made', actor: 'operator' }),
    actor: 'api_key:test',
  })
  return code.id
}
