import { Secret, TOTP } from 'otpauth'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { policyRules } from '../../../src/domain/policy-rules.ts'
import {
  enrollPhone,
  type Phone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { approve, askFrom, browser, refusalOf, signIn, tally, wait } from './attack.ts'

const guessesMax = policyRules.wrongNumbersHardMax.default
const inRowMax = policyRules.wrongNumbersInRowMax.default
const lockSeconds = policyRules.wrongNumberLockSeconds.default

let service: RunningService
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service[Symbol.asyncDispose]())

/**
 * A number that is certainly wrong, so that chance does not decide the test; up to nine of them.
 */
const otherThan = (number: string, n: number) =>
  `${(Number(number[0]) + 1 + n) % 10}${number.slice(1)}`

const protectionOf = async ({ userId }: Phone) =>
  (await service.api('GET', `/v1/users/${userId}/protection`)).json

/**
 * The thief creates challenges and guesses, all attempts of a challenge concurrently, until no
 * guess is evaluated any more.
 */
async function guessUntilRefused(phone: Phone, user: string): Promise<string[]> {
  const outcomes: string[] = []
  for (let n = 0; n < 500; n++) {
    const creation = await askFrom(service.api, user, browser(`thief-${n}`))
    if (creation.status !== 201) {
      outcomes.push(creation.json.code)
      return outcomes
    }
    const { requests } = await phone.client.pending()
    const request = requests.find(({ challengeId }) => challengeId === creation.json.id)
    if (!request) throw new Error('the thief’s phone finds every challenge')
    const guess = (_: unknown, n: number) =>
      refusalOf(phone.client.approve(request, otherThan(creation.json.number, n)))
    outcomes.push(...(await Promise.all(Array.from({ length: 6 }, guess))))
  }
  throw new Error('nothing stopped the guessing')
}

/** Guesses for as many days as it takes, until no lock ends by itself. */
async function guessToTheEnd(phone: Phone, user: string): Promise<Record<string, number>> {
  const outcomes: string[] = []
  for (let round = 0; round < guessesMax * 2; round++) {
    outcomes.push(...(await guessUntilRefused(phone, user)))
    if ((await protectionOf(phone)).hardLockedAt !== null) return tally(outcomes)
    await wait(service, phone, lockSeconds)
  }
  throw new Error('there was no end to the guessing')
}

test('a thief with the phone but not the page gets 100 guesses evaluated, over any challenges and days', async () => {
  const phone = await enrollPhone(service, { user: 'ada' })
  const first = await guessUntilRefused(phone, 'ada')
  expect(tally(first).wrong_number).toBe(inRowMax)
  expect(first.at(-1)).toBe('push_locked')
  expect((await protectionOf(phone)).wrongNumbersSinceSuccess).toBe(inRowMax)
  await wait(service, phone, lockSeconds)

  const outcomes = await guessToTheEnd(phone, 'ada')
  expect(outcomes.done).toBeUndefined()
  expect(inRowMax + (outcomes.wrong_number ?? 0)).toBe(guessesMax)
  expect((await protectionOf(phone)).wrongNumbersSinceSuccess).toBe(guessesMax)

  await wait(service, phone, 365 * 86_400)
  const creation = await askFrom(service.api, 'ada', browser('ada'))
  expect([creation.status, creation.json.code, creation.json.lock]).toEqual([
    403,
    'push_locked',
    'wrong_numbers_hard',
  ])
  expect(creation.headers.get('retry-after')).toBeNull()
  expect(creation.json.otherFactors).toContain('passcode')

  const unlock = await service.api('POST', `/v1/users/${phone.userId}/unlock`)
  expect(unlock.json).toMatchObject({ hardLockedAt: null, wrongNumbersSinceSuccess: 0 })
  await signIn(service.api, phone, 'ada', browser('ada'))
}, 120_000)

test('at the hard cap even the right number is refused, until the owner signs in by a passcode', async () => {
  const phone = await enrollPhone(service, { user: 'bob' })
  const caps = { wrongNumbersHardMax: 10, pendingMax: 10 }
  const set = await service.api('PATCH', '/v1/policy', caps)
  expect(set.status, set.text).toBe(200)
  const open = await askFrom(service.api, 'bob', browser('bob'))
  await guessToTheEnd(phone, 'bob')
  expect(await refusalOf(approve(phone, open.json))).toBe('push_locked')

  const { passcode } = phone.client.account
  if (!passcode) throw new Error('the phone got no secret')
  const code = TOTP.generate({ ...passcode, secret: Secret.fromBase32(passcode.secret) })
  const initiator = browser('bob')
  const verify = `/v1/users/${phone.userId}/passcodes/verify`
  expect((await service.api('POST', verify, { code, initiator })).status).toBe(200)
  expect(await protectionOf(phone)).toMatchObject({ hardLockedAt: null, wrongNumbersInRow: 0 })
  expect(await approve(phone, open.json)).toEqual({ status: 'approved' })
  const { items } = await phone.client.activities({ limit: 50 })
  const types = items.map(({ type }) => type)
  expect(types).toEqual(expect.arrayContaining(['number_failed', 'push_locked', 'push_unlocked']))
})

test('while push is locked the owner can still deny and report', async () => {
  const phone = await enrollPhone(service, { user: 'cleo' })
  const set = await service.api('PATCH', '/v1/policy', { pendingMax: 10 })
  expect(set.status, set.text).toBe(200)
  const open = await askFrom(service.api, 'cleo', browser('cleo'))
  await guessUntilRefused(phone, 'cleo')
  const { requests } = await phone.client.pending()
  const request = requests.find(({ challengeId }) => challengeId === open.json.id)
  if (!request) throw new Error('pending requests can be fetched')
  expect(await phone.client.report(request)).toEqual({ status: 'denied' })
})
