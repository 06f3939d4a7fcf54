import { z } from 'zod'

/** Headers of a call that a retry must not repeat. */
export function idempotencyHeaders(description: string) {
  return z.looseObject({
    'idempotency-key': z
      .string()
      .regex(/^[\x21-\x7e]{1,255}$/)
      .exactOptional()
      .meta({ description, example: '8e03978e-40d5-43dd-bc93-6894a57f9324' }),
  })
}
