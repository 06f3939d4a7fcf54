import { expect, test } from 'vitest'
import { encodeBson } from '../../src/doors/auth-api/bson.ts'
import { decodeBson } from '../support/legacy-auth-api.ts'

test('documents are written as the specification shows them', () => {
  // The first example of bsonspec.org.
  const hello = '160000000268656c6c6f0006000000776f726c640000'
  expect(encodeBson({ hello: 'world' }).toString('hex')).toBe(hello)
  expect(encodeBson({}).toString('hex')).toBe('0500000000')
  expect(encodeBson({ code: 40103 }).toString('hex')).toBe('0f00000010636f646500a79c000000')
})

test.each([
  { stat: 'FAIL', code: 40002, message: '' },
  { stat: 'OK', response: { prompt: 'Sign in as J\u00f6rg\n\n', factors: { 1: 'push1' } } },
  { response: {}, text: '\u674e\ud83d\ude00', least: -2_147_483_648, most: 2_147_483_647 },
])('texts, integers and documents are read as they were written: %j', (document) => {
  expect(decodeBson(encodeBson(document))).toEqual(document)
})

test('zero bytes, at which readers in C stop, are left out of names and texts', () => {
  const bytes = encodeBson({ 'na\0me': 'al\0low\0' })
  expect(decodeBson(bytes)).toEqual({ name: 'allow' })
  expect(decodeBson(encodeBson({ deny: { result: 'de\0ny' } }))).toEqual({
    deny: { result: 'deny' },
  })
})

test('a number that is no integer of 32 bits is an error, not another number', () => {
  expect(() => encodeBson({ code: 2_147_483_648 })).toThrow(RangeError)
})
