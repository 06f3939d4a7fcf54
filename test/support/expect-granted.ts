import { isRefusal, type Refusal } from '../../src/domain/refusal.ts'

/** The granted value; throws at a refusal. */
export async function expectGranted<T>(outcome: Promise<T>): Promise<Exclude<T, Refusal>> {
  const value = await outcome
  if (isRefusal(value)) throw new Error(`refused: ${JSON.stringify(value)}`)
  return value as Exclude<T, Refusal>
}
