import type { FastifyReply } from 'fastify'
import { queryNumber } from './schemas/paging.ts'

const waitSecondsMax = 30

/** The query member by which a caller waits for a change instead of asking again and again. */
export const wait = queryNumber(
  0,
  waitSecondsMax,
  `Seconds to wait for the change before answering, up to ${waitSecondsMax}.`,
)

/** Tells whether the caller has gone, so that nobody is waited for in vain. */
export function goneOf(reply: FastifyReply): () => boolean {
  return () => reply.raw.destroyed
}
