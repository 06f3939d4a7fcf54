import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createDeviceKeys } from '../../clients/device/src/keys.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { cancelEnrollment } from '../../src/enrollments/cancel-enrollment.ts'
import { claimEnrollment } from '../../src/enrollments/claim-enrollment.ts'
import { confirmEnrollment } from '../../src/enrollments/confirm-enrollment.ts'
import { openEnrollment } from '../../src/enrollments/open-enrollment.ts'
import { waitForEnrollment } from '../../src/enrollments/read-enrollment.ts'
import {
  aClaimCommand,
  aPhone,
  aPrincipal,
  aProof,
  granted,
  openWorld,
  publicOrigin,
  scannedCode,
  type World,
} from '../support/world.ts'

let world: World
let principal: Principal

beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  principal = await aPrincipal(world)
})
afterAll(() => world.close())

const open = (more: { readonly replacesDeviceId?: `dev_${string}` } = {}) =>
  granted(openEnrollment(world, principal, { user: 'alice', displayName: 'Alice', ...more }))
const statusOf = async (id: `enr_${string}`) =>
  (await granted(waitForEnrollment(world, principal, id, { waitMs: 0 }))).status

/** An enrollment and what a phone would send to claim it. */
async function aClaim(verification = true) {
  const opening = await open()
  const claim = await aClaimCommand(
    world,
    principal.tenantId,
    scannedCode(opening.uri),
    verification,
  )
  return { opening, id: opening.enrollment.id, ...claim }
}

describe('a claim', () => {
  test('by a scanned code gives the phone what it needs, and the page a number to show', async () => {
    const { id, command } = await aClaim()
    const claimResult = await granted(claimEnrollment(world, command))
    expect(claimResult).toMatchObject({
      device: { status: 'unconfirmed', hasVerificationKey: true, hasPushToken: true },
      confirmationRequired: true,
      tenantName: 'Test',
      userName: 'Alice',
      issuer: `${publicOrigin}/t/${principal.tenantId}`,
      signingKeys: [{ seq: 1, status: 'active' }],
    })
    const reading = await granted(waitForEnrollment(world, principal, id, { waitMs: 0 }))
    expect(reading).toMatchObject({
      status: 'claimed',
      number: expect.stringMatching(/^[0-9]{6}$/),
    })
  })

  test('by a typed code needs the user’s name, in either case, with or without its dash', async () => {
    const opening = await open()
    const typedCode = opening.code.replace('-', '')
    const { command } = await aClaimCommand(world, principal.tenantId, typedCode)
    const anonymous = await claimEnrollment(world, command)
    expect(anonymous).toMatchObject({ refused: 'enrollment_code_invalid' })
    const wrong = await claimEnrollment(world, { ...command, user: 'bob' })
    expect(wrong).toEqual({ refused: 'enrollment_code_invalid' })
    const lowerCaseCommand = { ...command, user: 'alice', code: opening.code.toLowerCase() }
    expect(await granted(claimEnrollment(world, lowerCaseCommand))).toMatchObject({
      userName: 'Alice',
    })
  })

  test('of a code that is used, cancelled, over or unknown names the reason and adds no device', async () => {
    const usedClaim = await aClaim()
    await granted(claimEnrollment(world, usedClaim.command))
    const again = await aClaimCommand(world, principal.tenantId, scannedCode(usedClaim.opening.uri))
    expect(await claimEnrollment(world, again.command)).toEqual({ refused: 'enrollment_not_open' })

    const cancelledClaim = await aClaim()
    await granted(cancelEnrollment(world, principal, cancelledClaim.id))
    expect(await claimEnrollment(world, cancelledClaim.command)).toEqual({
      refused: 'enrollment_not_open',
    })

    const over = await aClaim()
    await world.database.query(
      'run_out_enrollment',
      `update enrollments set expires_at = clock_timestamp() where id = $1`,
      [over.id],
    )
    expect(await claimEnrollment(world, over.command)).toEqual({ refused: 'enrollment_expired' })

    const code = 'A'.repeat(43)
    for (const bad of [code, 'AAAAA-AAAAA', 'short', '']) {
      const { command } = await aClaimCommand(world, principal.tenantId, bad)
      const refusal = await claimEnrollment(world, { ...command, user: 'alice' })
      expect(refusal).toEqual({ refused: 'enrollment_code_invalid' })
    }
    const { userId } = usedClaim.opening.enrollment
    expect(await world.devices.listOfUser(principal.tenantId, userId)).toHaveLength(1)
  })

  test('under another tenant finds no such code', async () => {
    const { command } = await aClaim()
    const otherPrincipal = await aPrincipal(world)
    const elsewhere = { ...command, tenantId: otherPrincipal.tenantId }
    expect(await claimEnrollment(world, elsewhere)).toEqual({ refused: 'enrollment_code_invalid' })
  })
})

describe('a claim is refused and leaves the code open', () => {
  type Claim = Awaited<ReturnType<typeof aClaim>>
  type Spoil = (claim: Claim) => Promise<Claim['command']>
  const possession = async ({ command, keys, prove }: Claim, changes: object) => ({
    ...command,
    proofs: { ...command.proofs, possession: await prove(keys.possession, changes) },
  })
  const verification = async ({ command, keys, prove }: Claim, changes: object) => {
    if (!keys.verification) throw new Error('the phone has two keys')
    const proof = await prove(keys.verification, changes)
    return { ...command, proofs: { ...command.proofs, verification: proof } }
  }

  test.each<[string, Spoil, object]>([
    [
      'when a proof names another issuer',
      (claim) => possession(claim, { aud: 'https://evil.example' }),
      { facts: { claim: 'aud' } },
    ],
    [
      'when a proof is about another code',
      (claim) => possession(claim, { ch: 'A'.repeat(43) }),
      { facts: { claim: 'ch' } },
    ],
    [
      'when a proof names another key',
      (claim) => verification(claim, { pk: 'A'.repeat(43) }),
      { facts: { claim: 'pk' } },
    ],
    [
      'when a proof hides the second key',
      (claim) => possession(claim, { vk: undefined }),
      { facts: { claim: 'vk' } },
    ],
    [
      'when a proof is stale',
      (claim) => verification(claim, { iat: 1 }),
      { refused: 'clock_skew' },
    ],
    [
      'when a proof is no JWS',
      async ({ command }) => ({ ...command, proofs: { ...command.proofs, possession: 'x' } }),
      { refused: 'proof_malformed' },
    ],
    [
      'when the second proof is missing',
      async ({ command }) => ({ ...command, proofs: { possession: command.proofs.possession } }),
      { refused: 'proof_malformed' },
    ],
    [
      'when the proofs are swapped',
      async ({ command }) => ({
        ...command,
        proofs: {
          possession: `${command.proofs.verification}`,
          verification: command.proofs.possession,
        },
      }),
      { refused: 'proof_invalid' },
    ],
    [
      'when a proof was signed by another key',
      async ({ command, keys, prove }) => {
        const other = await createDeviceKeys({ verification: false })
        const proof = await prove({ ...other.possession, kid: keys.possession.kid })
        return { ...command, proofs: { ...command.proofs, possession: proof } }
      },
      { refused: 'proof_invalid' },
    ],
    [
      'when both keys are one',
      async ({ command }) => ({
        ...command,
        keys: { ...command.keys, verification: command.keys.possession },
      }),
      { refused: 'key_already_registered' },
    ],
    [
      'when a key is not on the curve',
      async ({ command }) => ({
        ...command,
        keys: { ...command.keys, possession: { ...command.keys.possession, y: 'A'.repeat(43) } },
      }),
      { refused: 'invalid_request' },
    ],
  ])('%s', async (_, spoil, refusal) => {
    const claim = await aClaim()
    expect(await claimEnrollment(world, await spoil(claim))).toMatchObject(refusal)
    expect(await statusOf(claim.id)).toBe('open')
    expect(await granted(claimEnrollment(world, claim.command))).toMatchObject({
      userName: 'Alice',
    })
  })

  test('when its key is another device’s', async () => {
    const first = await aClaim(false)
    await granted(claimEnrollment(world, first.command))
    const second = await aClaim(false)
    const proof = await second.prove(first.keys.possession, { pk: first.keys.possession.kid })
    const command = {
      ...second.command,
      keys: first.command.keys,
      proofs: { possession: proof },
    }
    expect(await claimEnrollment(world, command)).toEqual({ refused: 'key_already_registered' })
    expect(await statusOf(second.id)).toBe('open')
  })
})

describe('the number of the page', () => {
  async function aWaitingPhone() {
    const claim = await aClaim()
    const { device } = await granted(claimEnrollment(world, claim.command))
    const { number } = await granted(waitForEnrollment(world, principal, claim.id, { waitMs: 0 }))
    const phone = {
      keys: claim.keys,
      id: device.id,
      userId: device.userId,
      tenantId: device.tenantId,
    }
    return { ...claim, phone, number: number ?? '' }
  }

  test('makes the phone active, once', async () => {
    const { phone, number, id } = await aWaitingPhone()
    expect(await confirmEnrollment(world, await aProof(world, phone), number)).toEqual({
      status: 'active',
    })
    expect(await granted(waitForEnrollment(world, principal, id, { waitMs: 0 }))).toMatchObject({
      status: 'completed',
      number: null,
    })
    const again = await confirmEnrollment(world, await aProof(world, phone), number)
    expect(again).toEqual({ refused: 'device_not_pending' })
  })

  test('cannot be guessed: the third wrong one voids enrollment and phone', async () => {
    const { phone, number, id } = await aWaitingPhone()
    const guesses = [
      number.slice(1),
      `${number} `,
      String((Number(number) + 1) % 1_000_000).padStart(6, '0'),
    ]
    for (const [index, guess] of guesses.entries()) {
      const reply = await confirmEnrollment(world, await aProof(world, phone), guess)
      expect(reply).toEqual({ refused: 'wrong_number', facts: { wrongNumbersLeft: 2 - index } })
    }
    expect(await statusOf(id)).toBe('void')
    const late = await confirmEnrollment(world, await aProof(world, phone), number)
    expect(late).toEqual({ refused: 'device_unregistered' })
  })

  test('counts each of ten parallel guesses at most once, and never lets a fourth be checked', async () => {
    const { phone, number, id } = await aWaitingPhone()
    const guess = String((Number(number) + 1) % 1_000_000).padStart(6, '0')
    const proofs = await Promise.all(Array.from({ length: 10 }, () => aProof(world, phone)))
    const replies = await Promise.all(proofs.map((proof) => confirmEnrollment(world, proof, guess)))
    const attemptsLeft = replies.flatMap((reply) =>
      'facts' in reply ? (reply.facts?.wrongNumbersLeft ?? []) : [],
    )
    expect(attemptsLeft.toSorted()).toEqual([0, 1, 2].slice(3 - attemptsLeft.length))
    const record = await world.enrollments.find(principal.tenantId, id)
    expect(record?.enrollment.wrongNumbersLeft).toBe(3 - attemptsLeft.length)
  })

  test('is invalid after the enrollment’s time, or once it was cancelled', async () => {
    const over = await aWaitingPhone()
    await world.database.query(
      'run_out_enrollment',
      `update enrollments set expires_at = clock_timestamp() where id = $1`,
      [over.id],
    )
    const late = await confirmEnrollment(world, await aProof(world, over.phone), over.number)
    expect(late).toEqual({ refused: 'enrollment_expired' })
    const cancelledEnrollment = await aWaitingPhone()
    await granted(cancelEnrollment(world, principal, cancelledEnrollment.id))
    const refusal = await confirmEnrollment(
      world,
      await aProof(world, cancelledEnrollment.phone),
      cancelledEnrollment.number,
    )
    expect(refusal).toEqual({ refused: 'device_unregistered' })
  })

  test('is shown to the relying party that opened the enrollment and to no other', async () => {
    const { id } = await aWaitingPhone()
    const other = await aPrincipal(world, ['default'], principal.tenantId)
    expect(await waitForEnrollment(world, other, id, { waitMs: 0 })).toEqual({
      refused: 'not_found',
    })
    expect(await cancelEnrollment(world, other, id)).toEqual({ refused: 'not_found' })
  })
})

describe('a page that follows an enrollment', () => {
  test('is notified of the claim and of the confirmation as they happen', async () => {
    const claim = await aClaim()
    const toClaimed = granted(waitForEnrollment(world, principal, claim.id, { waitMs: 20_000 }))
    const { device } = await granted(claimEnrollment(world, claim.command))
    const { status, number } = await toClaimed
    expect(status).toBe('claimed')
    const toCompleted = granted(waitForEnrollment(world, principal, claim.id, { waitMs: 20_000 }))
    const phone = {
      keys: claim.keys,
      id: device.id,
      userId: device.userId,
      tenantId: device.tenantId,
    }
    await granted(confirmEnrollment(world, await aProof(world, phone), number ?? ''))
    expect((await toCompleted).status).toBe('completed')
  })
})

describe('an enrollment is opened', () => {
  test('for a device to be replaced only if it is an active one of that user', async () => {
    const phone = await aPhone(world, principal)
    const theirs = await aPhone(world, principal, { user: 'bob' })
    expect((await open({ replacesDeviceId: phone.id })).enrollment.replacesDeviceId).toBe(phone.id)
    for (const replacesDeviceId of [theirs.id, 'dev_01h455vb4pex5vsknk084sn02q'] as const) {
      const refusal = await openEnrollment(world, principal, { user: 'alice', replacesDeviceId })
      expect(refusal).toEqual({ refused: 'not_found' })
    }
  })

  test('for a new user only under a name in the request, and in granted namespaces', async () => {
    const nobody = await openEnrollment(world, principal, { user: 'nobody' })
    expect(nobody).toMatchObject({
      refused: 'user_not_found',
      hint: expect.stringContaining('displayName'),
    })
    const foreign = { user: { namespace: 'entra', value: 'eve' }, displayName: 'Eve' }
    expect(await openEnrollment(world, principal, foreign)).toMatchObject({
      refused: 'namespace_not_granted',
    })
    const id = { user: { id: 'usr_01h455vb4pex5vsknk084sn02q' }, displayName: 'Eve' } as const
    expect(await openEnrollment(world, principal, id)).toEqual({ refused: 'not_found' })
  })
})
