// Sign-ins under fault: each records its responses, for the comparison with the stored state.

import { setTimeout as delay } from 'node:timers/promises'
import type { Phone } from '../support/running-service.ts'
import type { Chance } from './chance.ts'
import type { Person, Scene } from './scene.ts'

/** The responses about one challenge. */
export type History = {
  readonly id: string
  /** Decisions whose answer was acknowledged with a status. */
  readonly acknowledgments: string[]
  /** Statuses in the order in which they were read. */
  readonly reads: string[]
  readonly idempotencyKey: string
}

/**
 * The time limit of a request: the limits of the database and of the drain, with room for a busy
 * machine.
 */
const requestMsMax = 20_000

async function patiently<T>(scene: Scene, isStopped: () => boolean, ask: () => Promise<T | null>) {
  while (!isStopped()) {
    const answer = await ask().catch(() => null)
    if (answer !== null) return answer
    if (scene.fallen() !== undefined) return null
    await delay(50)
  }
  return null
}

async function create(scene: Scene, person: Person, idempotencyKey: string) {
  const body = { user: person.name, context: { application: 'Faults' } }
  const reply = await scene.api('POST', '/v1/challenges', body, {
    'idempotency-key': idempotencyKey,
  })
  if (reply.status === 200 || reply.status === 201) return reply.json
  // Too many pending or too soon: another round. Everything else is retried with the same key.
  return reply.status === 429 ? 'refused' : null
}

async function answer(phone: Phone, id: string, approves: boolean, number: string) {
  const { requests } = await phone.client.pending()
  const request = requests.find(({ challengeId }) => challengeId === id)
  if (!request) return undefined
  const { status } = await (approves
    ? phone.client.approve(request, number)
    : phone.client.deny(request))
  return status
}

/**
 * One sign-in from creation to its end: both phones answer, sometimes with conflicting decisions.
 */
async function signIn(scene: Scene, person: Person, chance: Chance, isStopped: () => boolean) {
  const idempotencyKey = chance.word()
  const creation = await patiently(scene, isStopped, () => create(scene, person, idempotencyKey))
  if (creation === null || creation === 'refused') return null
  const history: History = { id: creation.id, acknowledgments: [], reads: [], idempotencyKey }
  const [isOpposed, approves] = [chance.under(0.3), chance.under(0.7)]
  await Promise.all(
    person.phones.slice(0, isOpposed ? 2 : 1).map(async (phone, index) => {
      const decision = index === 0 ? approves : !approves
      const status = await answer(phone, creation.id, decision, creation.number).catch(
        () => undefined,
      )
      if (status !== undefined) history.acknowledgments.push(status)
    }),
  )
  const read = await scene.api('GET', `/v1/challenges/${creation.id}`).catch(() => null)
  if (read?.status === 200) history.reads.push(read.json.status)
  if (history.acknowledgments.length === 0) {
    await scene.api('POST', `/v1/challenges/${creation.id}/cancel`).catch(() => null)
  }
  return history
}

/**
 * Signs users in, repeatedly, until `isStopped`. A request over its limit is a violation by itself.
 */
export async function signPeopleIn(scene: Scene, chance: Chance, isStopped: () => boolean) {
  const histories: History[] = []
  const slow: string[] = []
  await Promise.all(
    scene.people.map(async (person) => {
      while (!isStopped() && scene.fallen() === undefined) {
        const startedAt = performance.now()
        const history = await signIn(scene, person, chance, isStopped)
        if (history) histories.push(history)
        else await delay(100)
        const ms = Math.round(performance.now() - startedAt)
        if (history && ms > 5 * requestMsMax) slow.push(`${history.id} took ${ms} ms`)
      }
    }),
  )
  return { histories, slow }
}
