import { describe, expect, test } from 'vitest'
import {
  type AttestationFinding,
  attestationMessage,
  decideAttestation,
} from '../../src/domain/attestation.ts'
import { checkKeyDescription, type KeyDescription } from '../../src/domain/key-description.ts'

const strong: AttestationFinding = { level: 'strongbox', why: null }
const weak: AttestationFinding = { level: 'software', why: 'level_software' }

describe('a tenant that asks for no attestation', () => {
  test.each([null, strong, weak])('records none, whatever was sent', (finding) => {
    const record = { level: 'none', verdict: 'not_asked', why: null }
    expect(decideAttestation('off', finding)).toEqual(record)
  })
})

describe('a tenant that logs attestations', () => {
  test('admits every device and records the finding', () => {
    expect(decideAttestation('log', null)).toEqual({ level: 'none', verdict: 'missing', why: null })
    expect(decideAttestation('log', weak)).toEqual({ ...weak, verdict: 'invalid' })
    expect(decideAttestation('log', strong)).toEqual({ ...strong, verdict: 'verified' })
  })
})

describe('a tenant that requires attestations', () => {
  test('admits only attested devices, and gives the reason for a refusal', () => {
    expect(decideAttestation('require', strong)).toEqual({ ...strong, verdict: 'verified' })
    expect(decideAttestation('require', null)).toEqual({ refused: 'attestation_missing' })
    expect(decideAttestation('require', weak)).toEqual({
      refused: 'attestation_invalid',
      facts: { why: 'level_software' },
    })
  })
})

test('the challenge of an attestation differs by tenant and by enrollment', () => {
  const one = attestationMessage('https://push.example.com/t/a', 'code')
  expect(one).toBe('countersign-attestation\nhttps://push.example.com/t/a\ncode')
  expect(attestationMessage('https://push.example.com/t/b', 'code')).not.toBe(one)
  expect(attestationMessage('https://push.example.com/t/a', 'edoc')).not.toBe(one)
})

describe('what the hardware says of a key', () => {
  const app = { packageName: 'com.example.app', signers: ['aa', 'bb'] }
  const description: KeyDescription = {
    attestationLevel: 'tee',
    keyLevel: 'tee',
    challenge: 'c',
    purposes: [2, 3],
    algorithm: 3,
    curve: 1,
    origin: 0,
    authentication: 'each_use',
    allApplications: false,
    rootOfTrust: { isLocked: true, bootState: 0 },
    packages: ['com.example.app'],
    signers: ['bb'],
  }
  const evaluate = (changes: Partial<KeyDescription>, role: 'possession' | 'verification') =>
    checkKeyDescription({ ...description, ...changes }, { role, challenge: 'c', app })

  test('makes a key as strong as the weaker of statement and storage', () => {
    const strongbox = { attestationLevel: 'strongbox', keyLevel: 'strongbox' } as const
    expect(evaluate({}, 'verification')).toEqual({ level: 'tee', why: null })
    expect(evaluate(strongbox, 'verification')).toEqual({ level: 'strongbox', why: null })
    expect(evaluate({ ...strongbox, keyLevel: 'tee' }, 'verification').level).toBe('tee')
    expect(evaluate({ ...strongbox, attestationLevel: 'tee' }, 'verification').level).toBe('tee')
    expect(evaluate({ ...strongbox, keyLevel: 'software' }, 'verification').level).toBe('software')
  })

  test('requires user presence for each use of a verification key, not for possession', () => {
    for (const authentication of ['none', 'for_a_time'] as const) {
      expect(evaluate({ authentication }, 'verification').why).toBe('user_not_authenticated')
      expect(evaluate({ authentication }, 'possession').why).toBeNull()
    }
  })

  test('counts only for its own challenge, and on a phone that booted as its maker intended', () => {
    const whys = [
      { challenge: 'another' },
      { rootOfTrust: { isLocked: false, bootState: 0 } },
      { rootOfTrust: { isLocked: true, bootState: 1 } },
      { rootOfTrust: { isLocked: true, bootState: 2 } },
    ].map((changes) => evaluate(changes, 'possession'))
    expect(whys).toEqual([
      { level: 'none', why: 'challenge_mismatch' },
      { level: 'none', why: 'bootloader_unlocked' },
      { level: 'none', why: 'boot_not_verified' },
      { level: 'none', why: 'boot_not_verified' },
    ])
  })

  test('counts only if no part of it is missing', () => {
    const missing = [
      { algorithm: null },
      { curve: null },
      { origin: null },
      { purposes: [] },
      { packages: [] },
      { signers: [] },
      { rootOfTrust: null },
    ].map((changes) => evaluate(changes, 'possession').why)
    expect(missing).toEqual([
      'key_not_p256',
      'key_not_p256',
      'key_not_generated',
      'key_purpose',
      'app_mismatch',
      'app_mismatch',
      'boot_not_verified',
    ])
  })
})
