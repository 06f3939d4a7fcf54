// In which language a push speaks where the app cannot: whichever statement queues it.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { notifyUsers } from '../../src/activities/notify-users.ts'
import { answerChallenge } from '../../src/challenges/answer-challenge.ts'
import { cancelChallenge } from '../../src/challenges/cancel-challenge.ts'
import { changeUser } from '../../src/devices/change-user.ts'
import { updateSelf } from '../../src/devices/own-devices.ts'
import { activity } from '../../src/domain/activity.ts'
import type { Principal } from '../../src/domain/principal.ts'
import type { PushKind } from '../../src/domain/push.ts'
import { recordActivities } from '../../src/platform/postgres/record.ts'
import { pushTest } from '../../src/push/push-test.ts'
import { setPolicy } from '../../src/tenants/policy.ts'
import { resend } from '../challenges/challenge-steps.ts'
import {
  anAnswer,
  aPhone,
  aPrincipal,
  aProof,
  ask,
  granted,
  openWorld,
  type Phone,
  signAnswer,
  type World,
} from '../support/world.ts'

let world: World
let principal: Principal
let phone: Phone

beforeAll(async () => {
  world = await openWorld()
})
beforeEach(async () => {
  principal = await aPrincipal(world)
  phone = await aPhone(world, principal)
  await world.database.query('told', "update activities set notice = 'in_app'", [])
  world.dispatchedPushes.length = 0
})
afterAll(() => world.close())

async function setDevice(language: string) {
  await granted(updateSelf(world, await aProof(world, phone), { language }))
}
const setUser = (language: string | null) =>
  granted(changeUser(world, principal, phone.userId, { language }))
const setTenant = (language: string) =>
  granted(
    setPolicy(world, principal.tenantId, { overrides: { language }, replace: false }, 'operator'),
  )

/** Languages of the pushes to the phone that were handed over, by their kind. */
const pushesOf = (kind: PushKind) =>
  world.dispatchedPushes
    .filter((push) => push.kind === kind && push.deviceId === phone.id)
    .map(({ languages }) => languages)

describe('the languages of a push are those of device, user and tenant, in this order', () => {
  const all = ['nl-BE', 'fr', 'de']
  beforeEach(async () => {
    await setDevice('nl-BE')
    await setUser('fr')
    await setTenant('de')
  })

  test('when a challenge is created', async () => {
    await granted(ask(world, principal))
    expect(pushesOf('challenge_opened')).toEqual([all])
  })

  test('when it is pushed again', async () => {
    const { challenge } = await granted(ask(world, principal))
    const result = await resend(world, challenge)
    expect(result).toMatchObject({ pushes: [{ deviceId: phone.id, languages: all }] })
  })

  test('when it is cancelled', async () => {
    const { challenge } = await granted(ask(world, principal))
    await granted(cancelChallenge(world, principal, challenge.id))
    expect(pushesOf('challenge_closed')).toEqual([all])
  })

  test('when another device has answered it', async () => {
    const other = await aPhone(world, principal)
    const { challenge } = await granted(ask(world, principal))
    const claims = await anAnswer(world, other, challenge.id, { dec: 'deny' })
    const command = { challengeId: challenge.id, answer: await signAnswer(other, claims) }
    await granted(answerChallenge(world, await aProof(world, other), command))
    expect(pushesOf('challenge_closed')).toEqual([all])
  })

  test('when another process takes it over', async () => {
    await granted(ask(world, principal))
    await world.database.query('end_leases', 'update deliveries set leased_until = null', [])
    const pushes = await world.deliveries.claim('other', 100)
    expect(pushes.find(({ deviceId }) => deviceId === phone.id)).toMatchObject({ languages: all })
  })

  test('when it is a test', async () => {
    await granted(pushTest(world, principal, phone.id))
    expect(pushesOf('test')).toEqual([all])
  })

  test('when it is about an activity', async () => {
    const { tenantId, userId } = phone
    const event = activity({ userId, type: 'push_locked', actor: 'operator' })
    await world.database.transaction((tx) => recordActivities(tx, world.random, tenantId, [event]))
    await notifyUsers(world, { waitingAfter: null, limit: 200 })
    expect(pushesOf('activity_recorded')).toEqual([all])
  })
})

test.each([
  ['English where nobody has said any', [], ['en']],
  ['those of user and tenant', [() => setUser('nl')], ['nl', 'en']],
  ['the tenant’s own', [() => setTenant('nl')], ['nl']],
  ['none that was taken back', [() => setUser('nl'), () => setUser(null)], ['en']],
] as const)('a push has the languages that there are: %s', async (_, steps, languages) => {
  for (const step of steps) await step()
  await granted(ask(world, principal))
  expect(pushesOf('challenge_opened')).toEqual([languages])
})
