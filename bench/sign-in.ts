import type { BenchPhone } from './bench-phone.ts'
import type { RelyingParty } from './relying-party.ts'

/** The parts of a sign-in, as they are reported. */
export const legs = ['loop', 'create', 'push', 'fetch', 'answer', 'decision'] as const

/**
 * How long each part took, in milliseconds. `loop` is the whole, signing included; `push` runs from the answer to `create` until
 * the phone has the push, `decision` from sending the answer until the long poll returns. `push` is null where nothing is pushed.
 */
export type SignInTimes = Readonly<
  Record<Exclude<(typeof legs)[number], 'push'>, number> & { push: number | null }
>

/** One sign-in from the question to the relying party's knowing. Rejects when any step of it fails. */
export async function signIn(party: RelyingParty, phone: BenchPhone): Promise<SignInTimes> {
  const begun = performance.now()
  const { id, number } = await party.create(phone.userId)
  const created = performance.now()

  const approval = party.approval(id)
  // Awaited below; until then a failure of the phone's steps must not leave it unhandled.
  approval.catch(() => undefined)
  const pushed = phone.isPushed ? Math.max(await phone.pushedAt(id), created) : null

  const fetch = phone.prepareFetch()
  const fetching = performance.now()
  const asked = (await fetch()).find((one) => one.id === id)
  const fetched = performance.now()
  if (!asked) throw new Error('the phone was not asked what the relying party asked')

  const approve = phone.prepareApproval(asked, number)
  const answering = performance.now()
  const [answered, decided] = await Promise.all([
    approve().then(() => performance.now()),
    approval.then(() => performance.now()),
  ])
  return {
    loop: performance.now() - begun,
    create: created - begun,
    push: pushed === null ? null : pushed - created,
    fetch: fetched - fetching,
    answer: answered - answering,
    decision: decided - answering,
  }
}
