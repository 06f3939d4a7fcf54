import type { ChallengeId, TenantId } from '../domain/ids.ts'
import type { Sealing } from '../platform/world.ts'
import type { PlainAnswerStore } from './plain-answer.store.ts'

/** Binding under which the signed text of an answer is sealed. */
export function answerBinding(answer: {
  readonly tenantId: TenantId
  readonly challengeId: ChallengeId
  readonly jti: string
}): string {
  return `answer:${answer.tenantId}:${answer.challengeId}:${answer.jti}`
}

export type Dependencies = {
  readonly plainAnswers: PlainAnswerStore
  readonly sealing: Pick<Sealing, 'seal'>
}

/**
 * Seals answers that an earlier release stored in plain text, `limit` at a time; true while there
 * may be more.
 */
export async function sealPlainAnswers(
  { plainAnswers: store, sealing }: Dependencies,
  limit: number,
): Promise<boolean> {
  const plainAnswers = await store.findPlain(limit)
  if (plainAnswers.length === 0) return false
  await store.saveSealed(
    plainAnswers.map((answer) => ({
      ...answer,
      sealedJws: sealing.seal(answer.jws, answerBinding(answer)),
    })),
  )
  return plainAnswers.length === limit
}
