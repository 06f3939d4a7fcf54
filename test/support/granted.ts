import { isRefusal, type Refusal } from '../../src/domain/refusal.ts'

/** What was asked for; throws when it was refused. */
export async function granted<T>(outcome: Promise<T>): Promise<Exclude<T, Refusal>> {
  const value = await outcome
  if (isRefusal(value)) throw new Error(`refused: ${JSON.stringify(value)}`)
  return value as Exclude<T, Refusal>
}
