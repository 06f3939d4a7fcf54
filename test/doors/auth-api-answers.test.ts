import { describe, expect, test } from 'vitest'
import { endOfRefusal } from '../../src/domain/door.ts'
import { type RefusalCode, refuse } from '../../src/domain/refusal.ts'
import {
  decisionOf,
  decisionOfName,
  denialOf,
} from '../../src/doors/auth-api/auth-api-answers.http.ts'
import { offerOf } from '../../src/doors/auth-api/auth-api-questions.http.ts'
import { problems } from '../../src/platform/http/problem-table.ts'
import { aUser } from '../platform/http/fixtures.ts'

const codes = Object.keys(problems) as RefusalCode[]

describe('a refusal at the Auth API', () => {
  test.each(codes)(
    '%s reads the same immediately and to a client that comes back for it',
    (code) => {
      for (const otherFactors of [[], ['passcode']]) {
        const end = endOfRefusal(refuse(code, { facts: { otherFactors } }))
        const { txid, ...now } = denialOf(end)
        expect(now).toEqual(decisionOf(end))
        expect(now).toMatchObject({ result: 'deny', status_msg: expect.stringMatching(/[.!]$/) })
        expect(decisionOfName(txid)).toEqual(now)
        expect(txid.length).toBeLessThan(256)
      }
    },
  )

  test('says what a person can do about a code that was right some minutes ago', () => {
    const { status_msg } = decisionOf(endOfRefusal(refuse('passcode_clock_off')))
    expect(status_msg).toContain('its clock is behind')
  })

  test('does not offer codes together with the lock of codes', () => {
    const facts = { otherFactors: ['recovery_code'] }
    const decision = decisionOf(endOfRefusal(refuse('passcode_locked', { facts })))
    expect(decision.status_msg).toBe('Too many wrong codes. Try again later.')
  })

  test('is read from no other name than its own', () => {
    for (const name of ['', 'chl_01jv9z3k8we2tvn4qh6yrx7b5c', 'accepted.1.x.y', 'denied1.x']) {
      expect(decisionOfName(name)).toBeUndefined()
    }
  })
})

test('a prompt shows a name without the characters that move a terminal', () => {
  const offer = { user: aUser, devices: [], codes: true, shownNumber: null, cannotAsk: null }
  const textOf = (username: string) =>
    offerOf(offer, { username, isPrompting: true }).prompt?.text ?? ''
  expect(textOf('ada')).toBe('Sign in as ada\n\nCode: ')
  const name = '\u001b[2J\u001b]0;x\u0007a\u202ed\u009b31ma\u0000\r\n'
  expect(textOf(name).replaceAll('\n', '')).toMatch(/^[ -~]*$/)
  expect(textOf('\u001b\u0007')).toContain(aUser.id)
})
