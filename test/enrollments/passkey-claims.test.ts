import { describe, expect } from 'vitest'
import type { AssertionFault } from '../../src/domain/assertion.ts'
import type { PolicyOverrides } from '../../src/domain/policy.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { type Command, claimEnrollment } from '../../src/enrollments/claim-enrollment.ts'
import { openEnrollment } from '../../src/enrollments/open-enrollment.ts'
import { setPolicy } from '../../src/tenants/policy.ts'
import { aBrowserClaim } from '../support/browsers.ts'
import { aSoftwarePasskey, flags, signedHashOf, type Untruth } from '../support/software-passkey.ts'
import { aClaimCommand, aPrincipal, granted, scannedCode, type World } from '../support/world.ts'
import { worldTest } from '../support/world-test.ts'

const test = worldTest.extend('principal', ({ world }) => aPrincipal(world))

const decide = (world: World, { tenantId }: Principal, overrides: PolicyOverrides) =>
  granted(setPolicy(world, tenantId, { overrides, replace: true }, 'operator'))

async function aCode(world: World, principal: Principal) {
  const opening = await granted(
    openEnrollment(world, principal, { user: 'alice', displayName: 'Alice' }),
  )
  return scannedCode(opening.uri)
}

async function aClaim(
  world: World,
  principal: Principal,
  more: Parameters<typeof aBrowserClaim>[3] = {},
) {
  return aBrowserClaim(world, principal.tenantId, await aCode(world, principal), more)
}

describe('a browser claims an enrollment', () => {
  test.for([false, true])(
    'with a passkey (synced: %s), and what it says is kept',
    async (isSynced, { world, principal }) => {
      const { command } = await aClaim(world, principal, { synced: isSynced })
      const { device } = await granted(claimEnrollment(world, command))
      expect(device).toMatchObject({
        ...{ platform: 'web', appId: 'countersign.web', hasVerificationKey: true },
        passkey: { backupEligible: isSynced, backedUp: isSynced },
      })
    },
  )

  test('without one', async ({ world, principal }) => {
    const code = await aCode(world, principal)
    const { command } = await aClaimCommand(world, principal.tenantId, code, false)
    const device = { ...command.device, platform: 'web' } as const
    const claim = { ...command, device, appId: 'countersign.web' }
    expect(await claimEnrollment(world, claim)).toMatchObject({
      device: { hasVerificationKey: false, passkey: null },
    })
  })
})

type Spoil = (claim: Awaited<ReturnType<typeof aClaim>>) => Partial<Command>
const withKey =
  (change: (key: object) => object): Spoil =>
  ({ command: { keys } }) => ({
    keys: { ...keys, verification: change(keys.verification ?? {}) } as Command['keys'],
  })

describe('a claim with a passkey is refused', () => {
  test.for<[AssertionFault, string, Untruth]>([
    ['type', 'of a registration', { client: { type: 'webauthn.create' } }],
    ['challenge', 'over another text', { client: { challenge: 'A'.repeat(43) } }],
    ['origin', 'made on another origin', { origin: 'https://evil.example' }],
    ['cross_origin', 'made in a frame of another site', { client: { crossOrigin: true } }],
    ['rp_id', 'for another RP ID', { rpId: 'example.com' }],
    ['user_presence', 'without a touch', { flags: flags.uv }],
    ['user_verification', 'without biometrics or PIN', { flags: flags.up }],
    ['backup_eligibility', 'of one that may be copied', { flags: flags.up | flags.uv | flags.be }],
    ['credential', 'of another passkey', { id: 'AAAA' }],
  ])('with an assertion as %s, %s', async ([why, , untruth], { world, principal }) => {
    const { command } = await aClaim(world, principal, { untruth })
    expect(await claimEnrollment(world, command)).toEqual({
      refused: 'proof_invalid',
      facts: { claim: 'assertion', why },
    })
  })

  test.for<[string, Spoil, object]>([
    [
      'that somebody else holds',
      ({ command, passkey, proof }) => ({
        proofs: {
          ...command.proofs,
          verification: aSoftwarePasskey({ origin: 'https://push.example.com' }).assert(
            signedHashOf(proof),
            { id: passkey.id },
          ),
        },
      }),
      { refused: 'proof_invalid', facts: { claim: 'assertion', why: 'signature' } },
    ],
    [
      'without its assertion',
      ({ command: { proofs } }) => ({ proofs: { possession: proofs.possession } }),
      { refused: 'proof_malformed' },
    ],
    [
      'with a signed text in its place',
      ({ command: { proofs } }) => ({ proofs: { ...proofs, verification: proofs.possession } }),
      { refused: 'proof_malformed' },
    ],
    [
      'of RS256',
      withKey((key) => ({ ...key, publicKey: 'MIIBIjAN' })),
      { refused: 'invalid_request' },
    ],
    ['with another id', withKey((key) => ({ ...key, id: 'AAAA' })), { refused: 'invalid_request' }],
    [
      'on a phone',
      ({ command: { device } }) => ({
        appId: 'com.example.app',
        device: { ...device, platform: 'ios' },
      }),
      { refused: 'invalid_request' },
    ],
    [
      'of a browser that calls itself a phone',
      ({ command: { device } }) => ({ device: { ...device, platform: 'other' } }),
      { refused: 'invalid_request' },
    ],
  ])('%s', async ([, spoil, refusal], { world, principal }) => {
    const claim = await aClaim(world, principal)
    const spoilt = { ...claim.command, ...spoil(claim) }
    expect(await claimEnrollment(world, spoilt)).toMatchObject(refusal)
    // It has used nothing up.
    expect(await claimEnrollment(world, claim.command)).toMatchObject({ device: {} })
  })

  test('that the possession key does not name', async ({ world, principal }) => {
    const { command, proof } = await aClaim(world, principal)
    const other = aSoftwarePasskey({ origin: world.publicOrigin })
    const keys = {
      ...command.keys,
      verification: { kind: 'webauthn', ...other.registration },
    } as const
    const proofs = { ...command.proofs, verification: other.assert(signedHashOf(proof)) }
    expect(await claimEnrollment(world, { ...command, keys, proofs })).toEqual({
      refused: 'proof_invalid',
      facts: { claim: 'vk' },
    })
  })

  test('whose key is registered already', async ({ world, principal }) => {
    const first = await aClaim(world, principal)
    await granted(claimEnrollment(world, first.command))
    const second = await aClaim(world, principal)
    const { verification } = first.command.keys
    const command = { ...second.command, keys: { ...second.command.keys, verification } }
    expect(await claimEnrollment(world, command as Command)).toMatchObject({
      refused: 'proof_invalid',
    })
  })
})

describe('where the tenant', () => {
  test('accepts no browser, none claims', async ({ world, principal }) => {
    await decide(world, principal, { browserDevices: 'refused' })
    const { command } = await aClaim(world, principal)
    expect(await claimEnrollment(world, command)).toEqual({
      refused: 'platform_retired',
      facts: { platform: 'web' },
    })
  })

  test('requires attestation, no browser claims, whatever it brings', async ({
    world,
    principal,
  }) => {
    await decide(world, principal, { attestation: 'require' })
    const { command } = await aClaim(world, principal)
    const attestation = { format: 'apple_app_attest', object: 'AAAA' } as const
    for (const claim of [command, { ...command, attestation }]) {
      expect(await claimEnrollment(world, claim)).toEqual({ refused: 'attestation_missing' })
    }
  })

  test('accepts no passkey that may be copied, none claims', async ({ world, principal }) => {
    await decide(world, principal, { syncedPasskeys: 'refused' })
    const { command } = await aClaim(world, principal, { synced: true })
    expect(await claimEnrollment(world, command)).toEqual({ refused: 'passkey_synced' })
    const boundClaim = await aClaim(world, principal)
    expect(await claimEnrollment(world, boundClaim.command)).toMatchObject({ device: {} })
  })
})
