import { randomBytes } from 'node:crypto'
import { passcodePeriodSeconds } from '../../src/domain/passcode.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { claimEnrollment } from '../../src/enrollments/claim-enrollment.ts'
import { confirmEnrollment } from '../../src/enrollments/confirm-enrollment.ts'
import { openEnrollment } from '../../src/enrollments/open-enrollment.ts'
import { waitForEnrollment } from '../../src/enrollments/read-enrollment.ts'
import type { Command } from '../../src/passcodes/accept-code.ts'
import { verifyPasscode } from '../../src/passcodes/verify-passcode.ts'
import {
  aClaimCommand,
  aPrincipal,
  aProof,
  granted,
  scannedCode,
  type World,
} from '../support/world.ts'
import { worldTest } from '../support/world-test.ts'

export const browserOf = (owner: string) =>
  ({ kind: 'browser', id: owner.padEnd(16, '-') }) as const

export function claimsOf(result: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(result.split('.')[1] ?? '', 'base64url').toString())
}

/** The relying party of most of these tests, and users whose devices show passcodes. */
async function openScene(world: World) {
  const principal = await aPrincipal(world, ['default', 'other'])

  /** A user with one device that shows passcodes, as the app has it. */
  async function aGenerator(rp = principal, name = randomBytes(8).toString('hex')) {
    const opening = await granted(openEnrollment(world, rp, { user: name, displayName: name }))
    const { tenantId } = rp
    const { keys, command } = await aClaimCommand(world, tenantId, scannedCode(opening.uri))
    const { device, passcode } = await granted(claimEnrollment(world, command))
    const { number } = await granted(
      waitForEnrollment(world, rp, opening.enrollment.id, { waitMs: 0 }),
    )
    const phone = { keys, id: device.id, userId: device.userId, tenantId }
    await granted(confirmEnrollment(world, await aProof(world, phone), number ?? ''))
    const stepNow = async () => {
      const { now } = await world.passcodes.facts(tenantId, rp.rpId, device.userId)
      return Math.floor(now.getTime() / 1000 / passcodePeriodSeconds)
    }
    return {
      phone,
      deviceId: device.id,
      userId: device.userId,
      passcode,
      show: async (away = 0) => {
        if (!passcode) throw new Error('the device got no secret')
        return world.oneTimePasswords.at(passcode.secret, passcode.digits, (await stepNow()) + away)
      },
    }
  }

  const verify = (command: Command, rp = principal) => verifyPasscode(world, rp, command)

  /** What the tenant allows from now on. */
  async function allow(overrides: object, { tenantId }: Principal) {
    const text = 'update tenants set policy = $2 where tenant_id = $1'
    await world.database.query('test_allow', text, [tenantId, JSON.stringify(overrides)])
  }

  return { principal, aGenerator, verify, allow }
}

export type PasscodeUsers = Awaited<ReturnType<typeof openScene>>

/** A test with users whose devices show passcodes. */
export const test = worldTest.extend('scene', { scope: 'file' }, ({ world }) => openScene(world))
