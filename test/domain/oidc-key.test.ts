import { expect, test } from 'vitest'
import {
  choosePublishedKeys,
  chooseSigningKey,
  isRotating,
  publishedBeforeSeconds,
} from '../../src/domain/oidc-key.ts'

const hour = 60 * 60 * 1000
const start = Date.parse('2026-11-30T12:00:00Z')
const at = (hours: number) => new Date(start + hours * hour)
const key = (name: string, hours: number, alg: 'RS256' | 'ES256' = 'RS256') => ({
  ...{ name, alg },
  createdAt: at(hours - publishedBeforeSeconds / 3600),
  signsFrom: at(hours),
})
const namesOf = (keys: readonly { readonly name: string }[]) => keys.map(({ name }) => name)

const keys = [key('next', 48), key('now', 0), key('former', -100), key('curve', -100, 'ES256')]

test('the newest key whose time has come signs, and one that waits does not', () => {
  expect(chooseSigningKey(keys, 'RS256', at(0))?.name).toBe('now')
  expect(chooseSigningKey(keys, 'RS256', at(47.9))?.name).toBe('now')
  expect(chooseSigningKey(keys, 'RS256', at(48))?.name).toBe('next')
  expect(chooseSigningKey(keys, 'RS256', at(-1))?.name).toBe('former')
  expect(chooseSigningKey(keys, 'ES256', at(48))?.name).toBe('curve')
  expect(chooseSigningKey(keys, 'RS256', at(-101))).toBeUndefined()
})

test('keys are published before they sign, and for a day after the next one does', () => {
  expect(namesOf(choosePublishedKeys(keys, at(23.9)))).toEqual(['next', 'now', 'former', 'curve'])
  expect(namesOf(choosePublishedKeys(keys, at(24)))).toEqual(['next', 'now', 'curve'])
  expect(namesOf(choosePublishedKeys(keys, at(72)))).toEqual(['next', 'curve'])
})

test('a rotation is under way until its keys sign', () => {
  expect(isRotating(keys, at(47.9))).toBe(true)
  expect(isRotating(keys, at(48))).toBe(false)
  expect(isRotating([], at(0))).toBe(false)
})
