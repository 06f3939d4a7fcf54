import type { WebhookOutcome } from '../domain/webhook-endpoint.ts'

/** One signed request, as Standard Webhooks 1.0.0 has it. */
export type WebhookRequest = {
  readonly url: string
  /** `webhook-id`: stable over retries. */
  readonly id: string
  /** `webhook-timestamp`: the time of this try. */
  readonly at: Date
  readonly body: string
  /** `whsec_...`, each of which signs; the newest first. */
  readonly secrets: readonly string[]
}

export interface WebhookSender {
  /** Sends once, within its own deadline, to no address that is not public. Never rejects. */
  send(request: WebhookRequest): Promise<WebhookOutcome>
  /** Closes the connections that are kept open. */
  close(): void
}

export interface WebhookUrls {
  /** Why no webhook may go there whatever its name resolves to; undefined when it may. */
  fault(url: string): string | undefined
}
