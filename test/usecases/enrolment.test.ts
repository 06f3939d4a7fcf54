import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createDeviceKeys } from '../../clients/device/keys.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { cancelEnrolment } from '../../src/usecases/cancel-enrolment.ts'
import { claimEnrolment } from '../../src/usecases/claim-enrolment.ts'
import { confirmEnrolment } from '../../src/usecases/confirm-enrolment.ts'
import { openEnrolment } from '../../src/usecases/open-enrolment.ts'
import { readEnrolment } from '../../src/usecases/read-enrolment.ts'
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
} from './world.ts'

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
  granted(openEnrolment(world, principal, { user: 'alice', displayName: 'Alice', ...more }))
const statusOf = async (id: `enr_${string}`) =>
  (await granted(readEnrolment(world, principal, id, { waitMs: 0 }))).status

/** An enrolment and what a phone would send to claim it. */
async function aClaim(verification = true) {
  const opened = await open()
  const claim = await aClaimCommand(
    world,
    principal.tenantId,
    scannedCode(opened.uri),
    verification,
  )
  return { opened, id: opened.enrolment.id, ...claim }
}

describe('a claim', () => {
  test('by a scanned code gives the phone what it needs, and the page a number to show', async () => {
    const { id, command } = await aClaim()
    const claimed = await granted(claimEnrolment(world, command))
    expect(claimed).toMatchObject({
      device: { status: 'unconfirmed', hasVerificationKey: true, hasPushToken: true },
      confirmationRequired: true,
      tenantName: 'Test',
      userName: 'Alice',
      issuer: `${publicOrigin}/t/${principal.tenantId}`,
      signingKeys: [{ seq: 1, status: 'active' }],
    })
    const reading = await granted(readEnrolment(world, principal, id, { waitMs: 0 }))
    expect(reading).toMatchObject({
      status: 'claimed',
      number: expect.stringMatching(/^[0-9]{6}$/),
    })
  })

  test('by a typed code takes the user’s name with it, in either case, with or without its dash', async () => {
    const opened = await open()
    const typed = opened.code.replace('-', '')
    const { command } = await aClaimCommand(world, principal.tenantId, typed)
    const anonymous = await claimEnrolment(world, command)
    expect(anonymous).toMatchObject({ refused: 'enrolment_code_invalid' })
    const wrong = await claimEnrolment(world, { ...command, user: 'bob' })
    expect(wrong).toEqual({ refused: 'enrolment_code_invalid' })
    const shown = { ...command, user: 'alice', code: opened.code.toLowerCase() }
    expect(await granted(claimEnrolment(world, shown))).toMatchObject({ userName: 'Alice' })
  })

  test('of a code that is used, cancelled, over or unknown says which, and brings no device', async () => {
    const used = await aClaim()
    await granted(claimEnrolment(world, used.command))
    const again = await aClaimCommand(world, principal.tenantId, scannedCode(used.opened.uri))
    expect(await claimEnrolment(world, again.command)).toEqual({ refused: 'enrolment_not_open' })

    const cancelled = await aClaim()
    await granted(cancelEnrolment(world, principal, cancelled.id))
    expect(await claimEnrolment(world, cancelled.command)).toEqual({
      refused: 'enrolment_not_open',
    })

    const over = await aClaim()
    await world.database.query(
      'run_out_enrolment',
      `update enrolments set expires_at = clock_timestamp() where id = $1`,
      [over.id],
    )
    expect(await claimEnrolment(world, over.command)).toEqual({ refused: 'enrolment_expired' })

    const code = 'A'.repeat(43)
    for (const bad of [code, 'AAAAA-AAAAA', 'short', '']) {
      const { command } = await aClaimCommand(world, principal.tenantId, bad)
      const refusal = await claimEnrolment(world, { ...command, user: 'alice' })
      expect(refusal).toEqual({ refused: 'enrolment_code_invalid' })
    }
    const { userId } = used.opened.enrolment
    expect(await world.devices.listOfUser(principal.tenantId, userId)).toHaveLength(1)
  })

  test('under another tenant finds no such code', async () => {
    const { command } = await aClaim()
    const stranger = await aPrincipal(world)
    const elsewhere = { ...command, tenantId: stranger.tenantId }
    expect(await claimEnrolment(world, elsewhere)).toEqual({ refused: 'enrolment_code_invalid' })
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
          possession: command.proofs.verification ?? '',
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
      'when a key lies on no curve',
      async ({ command }) => ({
        ...command,
        keys: { ...command.keys, possession: { ...command.keys.possession, y: 'A'.repeat(43) } },
      }),
      { refused: 'invalid_request' },
    ],
  ])('%s', async (_, spoil, refusal) => {
    const claim = await aClaim()
    expect(await claimEnrolment(world, await spoil(claim))).toMatchObject(refusal)
    expect(await statusOf(claim.id)).toBe('open')
    expect(await granted(claimEnrolment(world, claim.command))).toMatchObject({ userName: 'Alice' })
  })

  test('when its key is another device’s', async () => {
    const first = await aClaim(false)
    await granted(claimEnrolment(world, first.command))
    const second = await aClaim(false)
    const proof = await second.prove(first.keys.possession, { pk: first.keys.possession.kid })
    const command = {
      ...second.command,
      keys: first.command.keys,
      proofs: { possession: proof },
    }
    expect(await claimEnrolment(world, command)).toEqual({ refused: 'key_already_registered' })
    expect(await statusOf(second.id)).toBe('open')
  })
})

describe('the number of the page', () => {
  async function aWaitingPhone() {
    const claim = await aClaim()
    const { device } = await granted(claimEnrolment(world, claim.command))
    const { number } = await granted(readEnrolment(world, principal, claim.id, { waitMs: 0 }))
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
    expect(await confirmEnrolment(world, await aProof(world, phone), number)).toEqual({
      status: 'active',
    })
    expect(await granted(readEnrolment(world, principal, id, { waitMs: 0 }))).toMatchObject({
      status: 'completed',
      number: null,
    })
    const again = await confirmEnrolment(world, await aProof(world, phone), number)
    expect(again).toEqual({ refused: 'device_not_pending' })
  })

  test('is not found by trying: the third wrong one voids enrolment and phone', async () => {
    const { phone, number, id } = await aWaitingPhone()
    const tries = [
      number.slice(1),
      `${number} `,
      String((Number(number) + 1) % 1_000_000).padStart(6, '0'),
    ]
    for (const [index, guess] of tries.entries()) {
      const reply = await confirmEnrolment(world, await aProof(world, phone), guess)
      expect(reply).toEqual({ refused: 'wrong_number', facts: { wrongNumbersLeft: 2 - index } })
    }
    expect(await statusOf(id)).toBe('void')
    const late = await confirmEnrolment(world, await aProof(world, phone), number)
    expect(late).toEqual({ refused: 'device_unregistered' })
  })

  test('counts every one of ten parallel guesses at most once, and never lets a fourth be looked at', async () => {
    const { phone, number, id } = await aWaitingPhone()
    const guess = String((Number(number) + 1) % 1_000_000).padStart(6, '0')
    const proofs = await Promise.all(Array.from({ length: 10 }, () => aProof(world, phone)))
    const replies = await Promise.all(proofs.map((proof) => confirmEnrolment(world, proof, guess)))
    const left = replies.flatMap((reply) =>
      'facts' in reply ? (reply.facts?.wrongNumbersLeft ?? []) : [],
    )
    expect(left.toSorted()).toEqual([0, 1, 2].slice(3 - left.length))
    const record = await world.enrolments.find(principal.tenantId, id)
    expect(record?.enrolment.wrongNumbersLeft).toBe(3 - left.length)
  })

  test('is worth nothing after the enrolment’s time, or once it was cancelled', async () => {
    const over = await aWaitingPhone()
    await world.database.query(
      'run_out_enrolment',
      `update enrolments set expires_at = clock_timestamp() where id = $1`,
      [over.id],
    )
    const late = await confirmEnrolment(world, await aProof(world, over.phone), over.number)
    expect(late).toEqual({ refused: 'enrolment_expired' })
    const cancelled = await aWaitingPhone()
    await granted(cancelEnrolment(world, principal, cancelled.id))
    const gone = await confirmEnrolment(
      world,
      await aProof(world, cancelled.phone),
      cancelled.number,
    )
    expect(gone).toEqual({ refused: 'device_unregistered' })
  })

  test('is shown to the relying party that opened the enrolment and to no other', async () => {
    const { id } = await aWaitingPhone()
    const other = await aPrincipal(world, ['default'], principal.tenantId)
    expect(await readEnrolment(world, other, id, { waitMs: 0 })).toEqual({ refused: 'not_found' })
    expect(await cancelEnrolment(world, other, id)).toEqual({ refused: 'not_found' })
  })
})

describe('a page that follows an enrolment', () => {
  test('is told of the claim and of the confirmation as they happen', async () => {
    const claim = await aClaim()
    const toClaimed = granted(readEnrolment(world, principal, claim.id, { waitMs: 20_000 }))
    const { device } = await granted(claimEnrolment(world, claim.command))
    const { status, number } = await toClaimed
    expect(status).toBe('claimed')
    const toCompleted = granted(readEnrolment(world, principal, claim.id, { waitMs: 20_000 }))
    const phone = {
      keys: claim.keys,
      id: device.id,
      userId: device.userId,
      tenantId: device.tenantId,
    }
    await granted(confirmEnrolment(world, await aProof(world, phone), number ?? ''))
    expect((await toCompleted).status).toBe('completed')
  })
})

describe('an enrolment is opened', () => {
  test('for a device to be replaced only if it is an active one of that user', async () => {
    const phone = await aPhone(world, principal)
    const theirs = await aPhone(world, principal, { user: 'bob' })
    expect((await open({ replacesDeviceId: phone.id })).enrolment.replacesDeviceId).toBe(phone.id)
    for (const replacesDeviceId of [theirs.id, 'dev_01h455vb4pex5vsknk084sn02q'] as const) {
      const refused = await openEnrolment(world, principal, { user: 'alice', replacesDeviceId })
      expect(refused).toEqual({ refused: 'not_found' })
    }
  })

  test('for a new user only under a name that is given with it, and in granted namespaces', async () => {
    const nobody = await openEnrolment(world, principal, { user: 'nobody' })
    expect(nobody).toMatchObject({
      refused: 'user_not_found',
      hint: expect.stringContaining('displayName'),
    })
    const foreign = { user: { namespace: 'entra', value: 'eve' }, displayName: 'Eve' }
    expect(await openEnrolment(world, principal, foreign)).toMatchObject({
      refused: 'namespace_not_granted',
    })
    const id = { user: { id: 'usr_01h455vb4pex5vsknk084sn02q' }, displayName: 'Eve' } as const
    expect(await openEnrolment(world, principal, id)).toEqual({ refused: 'not_found' })
  })
})
