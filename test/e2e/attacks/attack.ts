// The actions of the bots of these tests and of their victims.

import { expect } from 'vitest'
import type { DeviceApiError } from '../../../clients/device/src/device-api-error.ts'
import { onServer } from '../../support/cluster.ts'
import { letTimePass } from '../../support/passing-time.ts'
import {
  type Api,
  challengeOf,
  type Phone,
  type Reply,
  type RunningService,
} from '../../support/running-service.ts'
import { until } from '../../support/until.ts'

/** An id that a relying party keeps in a browser. */
export const browser = (name: string) => ({ browserId: `browser-of-${name}` })

/** A challenge for the user from this initiator. */
export const askFrom = (api: Api, user: string, initiator: object): Promise<Reply> =>
  api('POST', '/v1/challenges', { user, initiator })

/** Moves time forward for a user, for push throttling and locks. */
export const wait = ({ database }: RunningService, { userId }: Phone, seconds: number) =>
  onServer(database.url, (client) =>
    letTimePass((sql, values) => client.query(sql, values), userId, seconds),
  )

/** The prompting pushes among all that reached this phone. */
export const prompts = ({ pushes }: Phone) =>
  pushes.filter((push) =>
    push.provider === 'apns' ? push.priority === 10 && 'cid' in push.payload : false,
  )

/**
 * The owner approves a challenge as people do: wake up if there is a push, fetch, type the number.
 */
export async function approve(phone: Phone, { id, number, deliveryMode }: Reply['json']) {
  if (deliveryMode === 'push') {
    await until('the push arrives', () => phone.pushes.some((push) => challengeOf(push) === id))
  }
  const { requests } = await phone.client.pending()
  const request = requests.find(({ challengeId }) => challengeId === id)
  if (!request) throw new Error('the owner finds no such challenge')
  return phone.client.approve(request, number)
}

/**
 * The owner signs in from here; fails when that is impossible. Resolves to how the challenge
 * reached the phone.
 */
export async function signIn(api: Api, phone: Phone, user: string, initiator: object) {
  const creation = await askFrom(api, user, initiator)
  expect(creation.status, creation.text).toBe(201)
  expect(await approve(phone, creation.json)).toEqual({ status: 'approved' })
  return creation.json.deliveryMode as 'push' | 'pull_only'
}

/** The code of the refusal that a device's call meets; `done` when it meets none. */
export async function refusalOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'done',
    (error: DeviceApiError) => error.code,
  )
}

/** How often each outcome occurred. */
export function tally(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}
