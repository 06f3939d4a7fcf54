import { answerBinding } from '../challenges/read-evidence.ts'
import type { Sealing } from '../platform/world.ts'
import type { PlainAnswerStore } from './plain-answer.store.ts'

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
