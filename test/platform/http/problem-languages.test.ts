// In which language a problem document has its title, and what never changes with it.

import { describe, expect, onTestFinished, test } from 'vitest'
import { refuse } from '../../../src/domain/refusal.ts'
import { problemBody } from '../../../src/platform/http/problem.ts'
import { type ProblemCode, problems } from '../../../src/platform/http/problem-table.ts'
import { languages } from '../../../src/platform/texts/texts.ts'
import { anApp, anId, bearer } from './fixtures.ts'

const user = `/v1/users/${anId('user')}`

async function call(url: string, headers: Readonly<Record<string, string>>) {
  const app = await anApp({
    readUser: async () => refuse('not_found', { facts: { about: 'Ada' } }),
  })
  onTestFinished(() => app.close())
  return app.inject({ url, headers })
}

test('the title of a problem is in the language of the call, all else is the same', async () => {
  const [english, dutch] = await Promise.all(
    ['en', 'nl-BE, en;q=0.5'].map((one) => call(user, { ...bearer, 'accept-language': one })),
  )
  expect(dutch?.json()).toEqual({ ...english?.json(), title: 'Hier is niets.' })
  expect(english?.json()).toMatchObject({ title: 'There is nothing here.', code: 'not_found' })
  expect(dutch?.headers).toMatchObject({
    'content-language': 'nl',
    vary: 'Accept-Language',
    'cache-control': 'no-store',
    'content-type': 'application/problem+json; charset=utf-8',
  })
  expect(english?.headers).toMatchObject({ 'content-language': 'en', vary: 'Accept-Language' })
})

test.each([
  ['the server API', user, {}],
  ['the device API', '/device/v1/self', {}],
  ['the API of the portal', '/portal/v1/me', { 'sec-fetch-site': 'same-origin' }],
  ['an address that is none', '/nowhere', {}],
])('%s answers with titles in the language of the call', async (_, url, headers) => {
  const answer = await call(url, { ...headers, 'accept-language': 'nl' })
  const { code, title } = answer.json<{ code: ProblemCode; title: string }>()
  expect(title).toBe(problemBody(code, {}, 'nl').title)
  expect(title).not.toBe(problems[code].title)
  expect(answer.headers['content-language']).toBe('nl')
  expect(String(answer.headers.vary)).toContain('Accept-Language')
})

test.each([
  ['nothing', {}],
  ['any language, as programs do', { 'accept-language': '*' }],
  ['a language that there is not', { 'accept-language': 'tlh' }],
  ['nonsense', { 'accept-language': '"><script>;q=nl' }],
])('a call that asks for %s gets English, and its own text never back', async (_, headers) => {
  const answer = await call(user, { ...bearer, ...headers })
  expect(answer.json()).toMatchObject({ title: 'There is nothing here.' })
  expect(JSON.stringify(answer.headers)).not.toMatch(/tlh|script/)
})

describe.each(languages)('a problem in %s', (language) => {
  test('differs from the English one in its title at most, whatever its code', () => {
    for (const code of Object.keys(problems) as ProblemCode[]) {
      const { title, ...rest } = problemBody(code, { facts: { title: 'forged' } }, language)
      const { title: english, ...expected } = problemBody(code)
      expect(rest).toEqual(expected)
      expect(title).not.toBe('forged')
      if (language === 'en') expect(title).toBe(english)
    }
  })
})
