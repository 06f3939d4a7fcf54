import { expect, test } from 'vitest'
import {
  type AskableFacts,
  type AskableRules,
  reasonForNotAsking,
} from '../../src/domain/askable.ts'
import { deviceId } from './examples.ts'

const phone: AskableFacts = {
  appId: 'com.example.app',
  appVersion: '3.1.0',
  protocolVersion: 1,
  platform: 'ios',
  parentDeviceId: null,
  hasVerificationKey: true,
  passkey: null,
}
const watch = { ...phone, parentDeviceId: deviceId }
const policy: AskableRules['policy'] = {
  appVersionsMin: [],
  retiredPlatforms: [],
  browserDevices: 'allowed',
  syncedPasskeys: 'allowed',
  protocolVersionMin: 1,
  companionsMayAnswer: false,
}
const rules: AskableRules = {
  policy,
  protocolVersion: 1,
  isVerificationRequired: false,
  isNumberTyped: true,
}
const lax: AskableRules = {
  ...rules,
  policy: { ...policy, companionsMayAnswer: true },
  protocolVersion: 1,
  isNumberTyped: false,
}

test('a device that speaks an older protocol than the challenge, or the tenant, needs is not asked', () => {
  const needsSecond = { ...rules, protocolVersion: 2 }
  expect(reasonForNotAsking(phone, needsSecond)).toBe('protocol_too_old')
  expect(reasonForNotAsking({ ...phone, protocolVersion: 2 }, needsSecond)).toBeUndefined()
  const strict = { ...rules, policy: { ...policy, protocolVersionMin: 2 } }
  expect(reasonForNotAsking(phone, strict)).toBe('protocol_too_old')
})

test('a phone with a current app is asked', () => {
  expect(reasonForNotAsking(phone, rules)).toBeUndefined()
  expect(reasonForNotAsking(phone, { ...rules, isVerificationRequired: true })).toBeUndefined()
})

test('an app that is too old, or of a retired platform, is not asked', () => {
  const old = { ...rules, policy: { ...policy, appVersionsMin: ['com.example.app@3.2'] } }
  expect(reasonForNotAsking(phone, old)).toBe('app_too_old')
  const retiredRules = { ...rules, policy: { ...policy, retiredPlatforms: ['ios'] } }
  expect(reasonForNotAsking(phone, retiredRules)).toBe('platform_retired')
})

test('a companion is asked only where the policy says so and nothing is typed', () => {
  expect(reasonForNotAsking(watch, lax)).toBeUndefined()
  expect(reasonForNotAsking(watch, { ...lax, isNumberTyped: true })).toBe('companion')
  expect(reasonForNotAsking(watch, { ...lax, policy })).toBe('companion')
})

test('a device without a verification key is not asked where verification is required', () => {
  const bare = { ...phone, hasVerificationKey: false }
  expect(reasonForNotAsking(bare, rules)).toBeUndefined()
  expect(reasonForNotAsking(bare, { ...rules, isVerificationRequired: true })).toBe(
    'no_verification_key',
  )
})

test('a browser whose passkey may be copied is not asked where the tenant accepts none', () => {
  const browser = { ...phone, platform: 'web', passkey: { backupEligible: true } } as const
  const strict = { ...rules, policy: { ...policy, syncedPasskeys: 'refused' } } as const
  expect(reasonForNotAsking(browser, strict)).toBe('passkey_synced')
  expect(reasonForNotAsking(browser, rules)).toBeUndefined()
  const boundBrowser = { ...browser, passkey: { backupEligible: false } }
  expect(reasonForNotAsking(boundBrowser, strict)).toBeUndefined()
})
