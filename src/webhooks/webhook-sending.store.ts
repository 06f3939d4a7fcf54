import type { WebhookOutcome } from '../domain/webhook-endpoint.ts'

/** One signed request, as Standard Webhooks 1.0.0 defines it. */
export type WebhookRequest = {
  readonly url: string
  /** `webhook-id`: the same for all retries. */
  readonly id: string
  /** `webhook-timestamp`: the time of this attempt. */
  readonly at: Date
  readonly body: string
  /** `whsec_...`, all of which sign; the newest first. */
  readonly secrets: readonly string[]
}

export interface WebhookSender {
  /** Sends once, within its own deadline, to public addresses only. Never rejects. */
  send(request: WebhookRequest): Promise<WebhookOutcome>
  /** Closes the connections that are kept open. */
  close(): void
}
