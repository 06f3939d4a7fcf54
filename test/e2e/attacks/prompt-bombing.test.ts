import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { policyRules } from '../../../src/domain/policy-rules.ts'
import { startService } from '../../../src/service/compose.ts'
import { repetitions } from '../../support/endurance.ts'
import { freePort } from '../../support/ports.ts'
import {
  type Api,
  createApi,
  enrollPhone,
  type RunningService,
  startTestService,
} from '../../support/running-service.ts'
import { until } from '../../support/until.ts'
import { approve, askFrom, browser, prompts, signIn, tally, wait } from './attack.ts'

/**
 * Pushes of unknown initiators before the user has approved one of them: one more than may stay
 * unanswered.
 */
const promptsOfStrangersMax = policyRules.unansweredMax.default + 1

let service: RunningService
let other: Api
const stack = new AsyncDisposableStack()
beforeAll(async () => {
  service = stack.use(await startTestService())
  const port = await freePort()
  const log = pino({ level: 'silent' })
  const second = await startService({ ...service.config, port }, service.origin, log)
  stack.defer(() => second.stop())
  other = createApi(`http://127.0.0.1:${port}`, service.key)
})
afterAll(() => stack.disposeAsync())

/** Half of the bots sit behind browsers, half behind networks of their own. */
const bot = (n: number) =>
  n % 2 ? browser(`bot-${n}`) : { ip: `203.${Math.floor(n / 250) % 250}.${n % 250}.7` }

/** Creations in concurrent bursts; `cancels` frees the slots as a closed page does. */
async function bomb(
  apis: readonly Api[],
  user: string,
  {
    bursts,
    each,
    cancels = false,
    between,
  }: { bursts: number; each: number; cancels?: boolean; between?: () => Promise<void> },
) {
  const outcomes: string[] = []
  for (let burst = 0; burst < bursts; burst++) {
    const replies = await Promise.all(
      Array.from({ length: each }, (_, n) =>
        askFrom(apis[n % apis.length] as Api, user, bot(burst * each + n)),
      ),
    )
    for (const { json } of replies) outcomes.push(json.deliveryMode ?? json.code)
    if (cancels) {
      const successes = replies.filter(({ status }) => status === 201)
      await Promise.all(
        successes.map(({ json }) => service.api('POST', `/v1/challenges/${json.id}/cancel`)),
      )
    }
    await between?.()
  }
  return tally(outcomes)
}

describe('any number of creations by unknown initiators, many at a time', () => {
  test('wake the phone once; the owner signs in from a known browser by push, elsewhere once a slot is free', async () => {
    const phone = await enrollPhone(service, { user: 'ada' })
    expect(await signIn(service.api, phone, 'ada', browser('ada'))).toBe('push')
    const before = prompts(phone).length

    const bursts = repetitions({ usual: 4, nightly: 20 })
    const outcomes = await bomb([service.api], 'ada', { bursts, each: 50 })
    expect(outcomes).toEqual({ push: 1, pull_only: 2, too_many_pending: bursts * 50 - 3 })

    expect(await signIn(service.api, phone, 'ada', browser('ada'))).toBe('push')
    expect(prompts(phone).length - before).toBe(2)
    const away = browser('ada-on-holiday')
    expect((await askFrom(service.api, 'ada', away)).json.code).toBe('too_many_pending')
    await wait(service, phone, policyRules.challengeTtlSeconds.default)
    await signIn(service.api, phone, 'ada', away)
  })

  test('over two processes and ten hours, with every slot freed immediately, wake the phone four times', async () => {
    const phone = await enrollPhone(service, { user: 'bob' })
    await signIn(service.api, phone, 'bob', browser('bob'))
    const before = prompts(phone).length
    const each = repetitions({ usual: 12, nightly: 50 })
    const outcomes = await bomb([service.api, other], 'bob', {
      bursts: 20,
      each,
      cancels: true,
      between: () => wait(service, phone, 1_800),
    })
    expect(outcomes.push).toBe(promptsOfStrangersMax)
    expect(outcomes.push).toBe(4)
    const total = Object.values(outcomes).reduce((sum, count) => sum + count, 0)
    expect(total).toBe(20 * each)
    await until('the pushes have arrived', () => prompts(phone).length >= before + 4)
    expect(prompts(phone)).toHaveLength(before + 4)

    expect(await signIn(other, phone, 'bob', browser('bob'))).toBe('push')
    expect(await signIn(other, phone, 'bob', browser('bob-on-holiday'))).toBe('pull_only')
    expect(prompts(phone)).toHaveLength(before + 5)
  }, 120_000)
})

test('resends by unknown initiators are pushes like any other: no more than four in all', async () => {
  const phone = await enrollPhone(service, { user: 'cleo' })
  await signIn(service.api, phone, 'cleo', browser('cleo'))
  const before = prompts(phone).length
  const codes: string[] = []
  for (let round = 0; round < 4; round++) {
    const { json } = await askFrom(service.api, 'cleo', bot(round))
    for (let n = 0; n < 5; n++) {
      await wait(service, phone, 20)
      const again = await service.api('POST', `/v1/challenges/${json.id}/resend`)
      codes.push(again.json.code ?? 'resent')
    }
    await wait(service, phone, 3_600)
  }
  expect(tally(codes)).toMatchObject({ resent: promptsOfStrangersMax - 1 })
  await until('the pushes have arrived', () => prompts(phone).length >= before + 4)
  expect(prompts(phone)).toHaveLength(before + 4)
  expect(await signIn(service.api, phone, 'cleo', browser('cleo'))).toBe('push')
})

test('a denial silences unknown initiators for a minute, and not the owner', async () => {
  const phone = await enrollPhone(service, { user: 'dora' })
  await signIn(service.api, phone, 'dora', browser('dora'))
  const { json } = await askFrom(service.api, 'dora', bot(1))
  expect(json.deliveryMode).toBe('push')
  const [request] = (await phone.client.pending()).requests
  if (!request) throw new Error('nothing is pending')
  await phone.client.deny(request)
  const gap = policyRules.denialGapSeconds.default
  await wait(service, phone, gap - 30)
  const soon = await askFrom(service.api, 'dora', bot(2))
  expect(soon.json).toMatchObject({ deliveryMode: 'pull_only', suppressed: 'recently_denied' })
  expect(await signIn(service.api, phone, 'dora', browser('dora'))).toBe('push')
  await wait(service, phone, 30)
  expect((await askFrom(service.api, 'dora', bot(3))).json.deliveryMode).toBe('push')
})

test('after a report unknown initiators are refused; the owner signs in from the known browser by polling', async () => {
  const phone = await enrollPhone(service, { user: 'eve' })
  await signIn(service.api, phone, 'eve', browser('eve'))
  const bad = await askFrom(service.api, 'eve', bot(1))
  const [request] = (await phone.client.pending()).requests
  if (!request) throw new Error('nothing is pending')
  await phone.client.report(request)
  expect((await service.api('GET', `/v1/challenges/${bad.json.id}`)).json.reason).toBe(
    'user_reported',
  )
  const before = prompts(phone).length
  expect((await askFrom(service.api, 'eve', bot(1))).json.code).toBe('initiator_blocked')
  const outcomes = await bomb([service.api, other], 'eve', { bursts: 2, each: 50 })
  expect(outcomes.push).toBeUndefined()
  expect(await signIn(service.api, phone, 'eve', browser('eve'))).toBe('pull_only')
  expect(prompts(phone)).toHaveLength(before)
  const creation = await askFrom(other, 'eve', browser('eve'))
  expect(await approve(phone, creation.json)).toEqual({ status: 'approved' })
})
