import { expect, test } from 'vitest'
import { digitsIn } from '../../examples/oidc-provider/binding-message.ts'

test.each([
  ['483920', '483920'],
  ['Sign-in 48392017', '48392017'],
  ['W4-483920', '483920'],
  ['Order 12, code 004839', '004839'],
])('%j contains the number %s', (message, digits) => {
  expect(digitsIn(message)).toBe(digits)
})

test.each([
  undefined,
  '',
  'Sign-in',
  'Sign-in 48392',
  'Sign-in 483 920',
  'Sign-in 483920174',
  '483920 or 174635',
  '483920 or 1746359203',
  'Sign-in ٤٨٣٩٢٠',
  'Sign-in\n483920',
  'Sign-in \u202e483920',
  `${'a'.repeat(60)} 483920`,
])('%j contains no unambiguous number', (message) => {
  expect(digitsIn(message)).toBeUndefined()
})
