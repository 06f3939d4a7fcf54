// A receiver as relying parties write one: raw body in, verified by npm standardwebhooks, ids
// recorded.

import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'

export type ReceivedWebhook = {
  readonly id: string
  readonly headers: IncomingHttpHeaders
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect; a wrong shape fails them
  readonly body: any
}

export type Sink = AsyncDisposable & {
  readonly url: string
  readonly port: number
  /** The deliveries in order, with any response. */
  readonly deliveries: ReceivedWebhook[]
  /** Its response from now on; 204 by default. */
  answer(how: (response: ServerResponse, delivery: ReceivedWebhook) => void): void
  /** Ends idle connections. */
  closeIdle(): void
}

/** Throws unless the library accepts the webhook under this secret. */
export function verify(
  secret: string,
  { text, headers }: Pick<ReceivedWebhook, 'text' | 'headers'>,
) {
  return new Webhook(secret).verify(text, headers as Record<string, string>)
}

/** Listens on loopback, by plain http. */
export async function startSink(port = 0): Promise<Sink> {
  const receivedWebhooks: ReceivedWebhook[] = []
  let how = (response: ServerResponse, _received: ReceivedWebhook): void => {
    response.writeHead(204).end()
  }
  const server: Server = createServer(async (request, response) => {
    let text = ''
    try {
      for await (const chunk of request) text += chunk
    } catch {
      return
    }
    const { headers } = request
    const one = { id: String(headers['webhook-id']), headers, text, body: JSON.parse(text) }
    receivedWebhooks.push(one)
    how(response, one)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = (server.address() as AddressInfo).port
  return {
    url: `http://127.0.0.1:${address}/events`,
    port: address,
    deliveries: receivedWebhooks,
    answer(next) {
      how = next
    },
    closeIdle: () => server.closeIdleConnections(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
