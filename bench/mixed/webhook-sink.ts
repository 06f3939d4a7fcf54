import { createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'

/** Receives webhooks on loopback, and answers 200 only to those that it could verify. */
export type WebhookSink = AsyncDisposable & {
  /** A new address of the sink. */
  address(): string
  /** The secret (`whsec_...`) of the endpoint that has this address. */
  trust(address: string, secret: string): void
  /**
   * Resolves when an approval of each of these challenges has arrived. Rejects when one does not in
   * time, and when anything arrived that was not signed with the secret of its address.
   */
  check(challengeIds: Iterable<string>): Promise<void>
}

const secretPrefix = 'whsec_'
const lookEveryMs = 20

/** Starts a sink. Its address is reachable for a service that allows `127.0.0.1` by plain http. */
export async function openWebhookSink(arrivalTimeoutMs = 10_000): Promise<WebhookSink> {
  const keys = new Map<string, Buffer>()
  const approvedIds = new Set<string>()
  let refused = 0
  const server = createServer(async (request, response) => {
    const body = await buffer(request).catch(() => null)
    const key = keys.get(request.url ?? '')
    const isSigned = body !== null && key !== undefined && isSignedBy(key, request, body)
    if (isSigned) note(body, approvedIds)
    else refused++
    response.writeHead(isSigned ? 200 : 400, { 'content-length': 0 }).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  let addresses = 0
  return {
    address: () => `http://127.0.0.1:${port}/${++addresses}`,
    trust: (address, secret) => {
      keys.set(new URL(address).pathname, Buffer.from(secret.slice(secretPrefix.length), 'base64'))
    },
    async check(challengeIds) {
      const awaitedIds = [...challengeIds]
      const deadline = performance.now() + arrivalTimeoutMs
      while (awaitedIds.some((id) => !approvedIds.has(id)) && performance.now() < deadline) {
        await delay(lookEveryMs)
      }
      const missing = awaitedIds.filter((id) => !approvedIds.has(id)).length
      if (missing > 0) throw new Error(`${missing} of ${awaitedIds.length} webhooks did not arrive`)
      if (refused > 0) throw new Error(`${refused} webhooks could not be verified`)
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function note(body: Buffer, approvedIds: Set<string>): void {
  type Event = { readonly type: string; readonly data: { readonly challengeId?: string } }
  const { type, data } = JSON.parse(body.toString()) as Event
  if (type === 'challenge.approved' && data.challengeId) approvedIds.add(data.challengeId)
}

/** Standard Webhooks 1.0.0, at the least cost: load generator and service share the machine. */
function isSignedBy(key: Buffer, { headers }: IncomingMessage, body: Buffer): boolean {
  const signedContent = `${headers['webhook-id']}.${headers['webhook-timestamp']}.`
  const expectedSignature = createHmac('sha256', key).update(signedContent).update(body).digest()
  return String(headers['webhook-signature'])
    .split(' ')
    .map((signature) => Buffer.from(signature.replace('v1,', ''), 'base64'))
    .some((actual) => isEqual(actual, expectedSignature))
}

function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}
