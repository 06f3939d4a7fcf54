import { expect, test } from 'vitest'
import { type AskableFacts, type Asked, whyNotAsked } from '../../src/domain/askable.ts'
import { deviceId } from './examples.ts'

const phone: AskableFacts = {
  appId: 'com.example.app',
  appVersion: '3.1.0',
  platform: 'ios',
  parentDeviceId: null,
  hasVerificationKey: true,
}
const watch = { ...phone, parentDeviceId: deviceId }
const policy = { appVersionsMin: [], retiredPlatforms: [], companionsMayAnswer: false }
const asked: Asked = { policy, verificationRequired: false, numberTyped: true }
const lax: Asked = {
  ...asked,
  policy: { ...policy, companionsMayAnswer: true },
  numberTyped: false,
}

test('a phone with a current app is asked', () => {
  expect(whyNotAsked(phone, asked)).toBeUndefined()
  expect(whyNotAsked(phone, { ...asked, verificationRequired: true })).toBeUndefined()
})

test('an app that is too old, or of a retired platform, is not asked', () => {
  const old = { ...asked, policy: { ...policy, appVersionsMin: ['com.example.app@3.2'] } }
  expect(whyNotAsked(phone, old)).toBe('app_too_old')
  const retired = { ...asked, policy: { ...policy, retiredPlatforms: ['ios'] } }
  expect(whyNotAsked(phone, retired)).toBe('platform_retired')
})

test('a companion is asked only where the policy says so and nothing is typed', () => {
  expect(whyNotAsked(watch, lax)).toBeUndefined()
  expect(whyNotAsked(watch, { ...lax, numberTyped: true })).toBe('companion')
  expect(whyNotAsked(watch, { ...lax, policy })).toBe('companion')
})

test('a device without a verification key is not asked where verification is required', () => {
  const bare = { ...phone, hasVerificationKey: false }
  expect(whyNotAsked(bare, asked)).toBeUndefined()
  expect(whyNotAsked(bare, { ...asked, verificationRequired: true })).toBe('no_verification_key')
})
