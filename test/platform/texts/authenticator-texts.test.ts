// Every language of the authenticator has every text.

import { expect, expectTypeOf, test } from 'vitest'
import { activityTypes } from '../../../src/domain/activity.ts'
import { authenticatorEn } from '../../../src/platform/texts/authenticator/en.ts'
import { laterEn } from '../../../src/platform/texts/authenticator/later-en.ts'
import { laterNl } from '../../../src/platform/texts/authenticator/later-nl.ts'
import { authenticatorNl } from '../../../src/platform/texts/authenticator/nl.ts'
import type { AuthenticatorTexts } from '../../../src/platform/texts/authenticator/texts.ts'

function textsOf(part: object, path = ''): [path: string, text: string][] {
  return Object.entries(part).flatMap(([name, member]: [string, string | object]) =>
    typeof member === 'string'
      ? [[`${path}/${name}`, member] as [string, string]]
      : textsOf(member, `${path}/${name}`),
  )
}

const english = new Map(textsOf({ ...authenticatorEn, ...laterEn }))
const dutch = new Map(textsOf({ ...authenticatorNl, ...laterNl }))
const namesIn = (text = '') => [...text.matchAll(/\{[^}]*\}/g)].map(([name]) => name).sort()

test('Dutch has the texts of English, none missing and none left over', () => {
  expect([...dutch.keys()].sort()).toEqual([...english.keys()].sort())
  expect(english.size).toBeGreaterThan(150)
})

test('each with its placeholders, never empty, nor markup', () => {
  for (const [path, text] of [...english, ...dutch]) {
    expect([path, namesIn(text)]).toEqual([path, namesIn(english.get(path))])
    expect([path, text]).toEqual([path, text.trim()])
    expect(text).toMatch(/^[^<>&]+$/)
  }
})

test('no Dutch text is still the English sentence', () => {
  const same = [...dutch].filter(([path, text]) => text.includes(' ') && english.get(path) === text)
  expect(same).toEqual([])
})

test('every type of activity has a text', () => {
  for (const { activity } of [authenticatorEn, authenticatorNl]) {
    expect(Object.keys(activity.types).sort()).toEqual([...activityTypes].sort())
  }
})

test('a translation that lacks a text does not compile', () => {
  const { lost: _lost, ...withoutLost } = authenticatorNl
  expectTypeOf(withoutLost).not.toMatchTypeOf<AuthenticatorTexts>()
})
