import { z } from 'zod'

export const timeExample = '2026-01-31T12:00:00.000Z'

/** A time in an answer: RFC 3339 in UTC, with milliseconds. */
export function timestamp(description: string) {
  return z
    .codec(z.iso.datetime(), z.date(), {
      decode: (text) => new Date(text),
      encode: (time) => time.toISOString(),
    })
    .meta({ description, example: timeExample })
}

/** A time in a request: RFC 3339 in UTC, years 2000 to 2999. */
export function givenTime(description: string) {
  return z.iso
    .datetime()
    .startsWith('2', 'must lie in the years 2000 to 2999')
    .transform((text) => new Date(text))
    .meta({ description, example: timeExample })
}
