import type { BenchPhone, PendingRequest } from './bench-phone.ts'
import type { RelyingParty } from './relying-party.ts'

/** The parts of a sign-in, as they are reported. */
export const legs = ['loop', 'create', 'push', 'fetch', 'answer', 'decision'] as const

/**
 * How long each part took, in milliseconds. `loop` is the whole, signing included; `push` runs from
 * the answer to `create` until the phone has the push, `decision` from sending the answer until the
 * long poll returns. `push` is null without push.
 */
export type SignInTimes = Readonly<
  Record<Exclude<(typeof legs)[number], 'push'>, number> & { push: number | null }
>

/**
 * One sign-in from the creation until the relying party has the decision. Rejects when any step
 * fails. What `beforeAnswer` does is part of the loop, and of no other part.
 */
export async function signIn(
  party: Pick<RelyingParty, 'create' | 'approval'>,
  phone: BenchPhone,
  beforeAnswer?: (request: PendingRequest, number: string) => Promise<void>,
): Promise<SignInTimes> {
  const startedAt = performance.now()
  const { id, number } = await party.create(phone.userId)
  const createdAt = performance.now()

  const approval = party.approval(id)
  // Awaited below; a failure of the phone's steps must not leave it unhandled.
  approval.catch(() => undefined)
  const pushedAt = phone.isPushed ? Math.max(await phone.pushedAt(id), createdAt) : null

  const fetch = phone.prepareFetch()
  const fetching = performance.now()
  const request = (await fetch()).find((one) => one.id === id)
  const fetchedAt = performance.now()
  if (!request) throw new Error('the phone has not received the challenge of the relying party')

  await beforeAnswer?.(request, number)

  const approve = phone.prepareApproval(request, number)
  const answering = performance.now()
  const [answeredAt, decidedAt] = await Promise.all([
    approve().then(() => performance.now()),
    approval.then(() => performance.now()),
  ])
  return {
    loop: performance.now() - startedAt,
    create: createdAt - startedAt,
    push: pushedAt === null ? null : pushedAt - createdAt,
    fetch: fetchedAt - fetching,
    answer: answeredAt - answering,
    decision: decidedAt - answering,
  }
}
