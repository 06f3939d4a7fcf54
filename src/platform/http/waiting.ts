import type { FastifyReply } from 'fastify'
import { queryNumber } from './schemas/paging.ts'

const waitSecondsMax = 30

/** The query member by which a caller waits for a change instead of polling in a loop. */
export const wait = queryNumber(
  0,
  waitSecondsMax,
  `Seconds to wait for the change before answering, up to ${waitSecondsMax}.`,
)

/** Whether the caller has disconnected, so that nothing waits in vain. */
export function isDisconnectedOf(reply: FastifyReply): () => boolean {
  return () => reply.raw.destroyed
}
