// A proxy between the service and a receiver of webhooks: forwards and records them.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A webhook as received, byte by byte. */
export type TappedWebhook = {
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  readonly type: string
  /** The receiver's response; undefined until then. */
  status?: number
}

export type WebhookTap = AsyncDisposable & {
  readonly url: string
  /** Oldest first; a webhook is listed when the receiver is called. */
  readonly webhooks: readonly TappedWebhook[]
  /** The receiver from now on. */
  forwardTo(url: string): void
}

/** Calls a receiver with such a webhook, again or for the first time. */
export async function deliver(
  url: string,
  { body, headers }: Pick<TappedWebhook, 'body' | 'headers'>,
): Promise<number> {
  const response = await fetch(url, { method: 'POST', body, headers })
  await response.body?.cancel()
  return response.status
}

/** Listens on loopback, by plain http. */
export async function startWebhookTap(): Promise<WebhookTap> {
  const tappedWebhooks: TappedWebhook[] = []
  let target = ''
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const keptHeaders = ['content-type', 'webhook-id', 'webhook-timestamp', 'webhook-signature']
    const headers = Object.fromEntries(
      keptHeaders.map((name) => [name, String(request.headers[name])]),
    )
    const one: TappedWebhook = { body, headers, type: JSON.parse(body).type }
    const reply = deliver(target, one)
    tappedWebhooks.push(one)
    one.status = await reply.catch(() => 502)
    response.writeHead(one.status).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    webhooks: tappedWebhooks,
    forwardTo(url) {
      target = url
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
