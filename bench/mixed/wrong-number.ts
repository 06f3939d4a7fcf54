import type { BenchPhone, PendingRequest } from '../bench-phone.ts'

/** Of so many sign-ins one begins with a wrong number: 5 %. */
const wrongNumberEvery = 20

/** Whether the n-th sign-in of a worker begins with a wrong number. */
export function beginsWrong(n: number): boolean {
  return n % wrongNumberEvery === 0
}

/**
 * Answers with another number than that, as a phone whose user mistyped. Rejects unless the service
 * refuses it with this status.
 */
export async function answerWrong(
  phone: Pick<BenchPhone, 'prepareApproval'>,
  request: PendingRequest,
  number: string,
  status: number,
): Promise<void> {
  const wrongNumber = number.slice(0, -1) + ((Number(number.at(-1)) + 1) % 10)
  const error = await phone
    .prepareApproval(request, wrongNumber)()
    .then(
      () => new Error('a wrong number was accepted'),
      (refusal: Error) => refusal,
    )
  if (!error.message.startsWith(`the service answered ${status}:`)) throw error
}
