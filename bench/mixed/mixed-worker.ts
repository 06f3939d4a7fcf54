import { randomUUID } from 'node:crypto'
import type { PushService } from '../../simulator/push-service.ts'
import type { BenchPhone, enrollPhone } from '../bench-phone.ts'
import { createdIn, RelyingParty } from '../relying-party.ts'
import type { SideWorker } from '../side.ts'
import { signIn } from '../sign-in.ts'
import type { WebhookSink } from './webhook-sink.ts'
import { answerWrong, beginsWrong } from './wrong-number.ts'

/** A tenant, by an API key that may create, enroll and manage webhooks. */
export type MixedTenant = { readonly origin: string; readonly key: string }

export type MixedParts = {
  readonly tenants: readonly MixedTenant[]
  readonly pushes: PushService
  readonly enrollPhone: typeof enrollPhone
  /** Receives the challenge of every sign-in that succeeded. */
  readonly onApproval: (challengeId: string) => void
}

/** A user with two phones that are both woken, and one of them answers. */
type Person = { readonly party: RelyingParty; readonly phones: readonly [BenchPhone, BenchPhone] }

/** What the service answers to a wrong number. */
const wrongNumberStatus = 422

/** How a sign-in may end. */
const events = ['approved', 'denied', 'reported', 'expired', 'cancelled'].map(
  (end) => `challenge.${end}`,
)

/** Has the ends of all sign-ins of the tenant sent to the sink. */
export async function subscribe({ origin, key }: MixedTenant, sink: WebhookSink): Promise<void> {
  const party = new RelyingParty(origin, key)
  const url = sink.address()
  const endpoint = createdIn(
    await party.post('/v1/webhook-endpoints', JSON.stringify({ url, events })),
  ) as { readonly secret: string }
  sink.trust(url, endpoint.secret)
  party.close()
}

/**
 * The n-th worker: a user in each tenant. They sign in by turns, with one phone and then the other.
 */
export async function enrollMixedWorker(parts: MixedParts, n: number): Promise<SideWorker> {
  const people: Person[] = []
  for (const { origin, key } of parts.tenants) {
    const party = new RelyingParty(origin, key)
    const enroll = () => parts.enrollPhone(party, `bench-${n}`, 'apns', parts.pushes)
    people.push({ party, phones: [await enroll(), await enroll()] })
  }
  let signIns = n
  return {
    signIn: () => signInAsPeople(people, signIns++, parts.onApproval),
    close: () => {
      for (const { party, phones } of people) {
        party.close()
        for (const phone of phones) phone.close()
      }
    },
  }
}

async function signInAsPeople(
  people: readonly Person[],
  n: number,
  onApproval: MixedParts['onApproval'],
) {
  const round = Math.floor(n / people.length)
  // One further each round, or the wrong numbers would all be of one tenant.
  const person = people[(n + round) % people.length]
  if (!person) throw new Error('no tenant to sign in to')
  const { party, phones } = person
  const phone = phones[round % 2 === 0 ? 0 : 1]
  let challengeId = ''
  const keyedParty: Pick<RelyingParty, 'create' | 'approval'> = {
    create: async (userId) => {
      const creation = await party.create(userId, { 'idempotency-key': randomUUID() })
      challengeId = creation.id
      return creation
    },
    approval: (id) => party.approval(id),
  }
  const times = await (beginsWrong(n)
    ? signIn(keyedParty, phone, (request, number) =>
        answerWrong(phone, request, number, wrongNumberStatus),
      )
    : signIn(keyedParty, phone))
  onApproval(challengeId)
  return times
}
