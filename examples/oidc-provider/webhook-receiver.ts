// Receives the ends of challenges from Countersign. A webhook is a hint to read the challenge, and
// is never trusted.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { RefusedWebhook, verifyWebhook } from '../../clients/typescript/src/client.ts'

export const webhookPath = '/countersign/events'

/** The events that end a challenge; exactly one of them is sent for each. */
export const endings = [
  'challenge.approved',
  'challenge.denied',
  'challenge.reported',
  'challenge.expired',
  'challenge.cancelled',
] as const

const endingSchema = z.object({
  type: z.enum(endings),
  data: z.object({ idempotencyKey: z.string() }),
})

const bodyBytesMax = 64 * 1024

/**
 * Answers a webhook: 204 after `onEnded`, or when it is irrelevant; 400 unless it carries a
 * signature with one of the secrets; 503 when `onEnded` fails, so that Countersign sends it again.
 */
export function receiveWebhooks(
  secrets: readonly string[],
  onEnded: (correlationId: string) => Promise<void>,
  log: (line: string) => void,
) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const body = await bodyOf(request)
      const { payload } = await verifyWebhook(body, request.headers, secrets)
      const { success, data: event } = endingSchema.safeParse(payload)
      if (success) await onEnded(event.data.idempotencyKey)
      response.writeHead(204).end()
    } catch (error) {
      const status = error instanceof RefusedWebhook ? 400 : 503
      log(`webhook answered with ${status}: ${error}`)
      response.writeHead(status, { connection: 'close' }).end()
    }
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > bodyBytesMax) throw new RefusedWebhook('body_malformed', 'The body is too large.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
