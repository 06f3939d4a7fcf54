import { expect, test } from 'vitest'
import { readFactor } from '../../src/domain/auth-api-factor.ts'

const push = { kind: 'push' }
const code = (text: string) => ({ kind: 'code', code: text })

test.each([
  [{ factor: 'push' }, push],
  [{ factor: 'auto' }, push],
  [{ factor: 'auto', passcode: '123456' }, push],
  [{ factor: 'passcode', passcode: '123456' }, code('123456')],
  [{ factor: 'passcode', passcode: '' }, undefined],
  [{ factor: 'passcode' }, undefined],
  [{ factor: 'prompt', prompt: 'push1' }, push],
  [{ factor: 'prompt', prompt: 'verified_push1' }, push],
  [{ factor: 'prompt', prompt: 'Push' }, push],
  [{ factor: 'prompt', prompt: 'auto' }, push],
  [{ factor: 'prompt', prompt: ' 1 ' }, push],
  [{ factor: 'prompt', prompt: '123456' }, code('123456')],
  [{ factor: 'prompt', prompt: 'ABCD-EFGH-JKMN-PQRS' }, code('ABCD-EFGH-JKMN-PQRS')],
  [{ factor: 'prompt', prompt: 'no_terminal' }, { kind: 'unseen' }],
  [{ factor: 'prompt', prompt: 'sms' }, undefined],
  [{ factor: 'prompt', prompt: 'phone2' }, undefined],
  [{ factor: 'prompt', prompt: '' }, undefined],
  [{ factor: 'prompt' }, undefined],
  [{ factor: 'sms' }, undefined],
  [{ factor: 'phone' }, undefined],
  [{ factor: 'none' }, undefined],
])('%j selects %j', (input, factor) => {
  expect(readFactor(input)).toEqual(factor)
})
