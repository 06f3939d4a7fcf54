// The sending of webhooks; src/service/compose.ts connects the rest.

import type { EgressGuard } from '../platform/net/egress-guard.ts'
import {
  buildWebhookDispatcher,
  type Dependencies,
  type WebhookDispatcher,
} from '../webhooks/webhook-dispatcher.ts'
import { webhookSignal } from '../webhooks/webhook-endpoints.ts'
import { buildWebhookSender } from '../webhooks/webhook-sender.adapter.ts'

type Parts = Omit<Dependencies, 'webhookSender'> & {
  readonly signals: { listen(listener: (key: string) => void): void }
}

/**
 * The webhook dispatcher of this process. Any signal, from here or elsewhere, may mean a delivery
 * for an endpoint: it polls immediately.
 */
export function openWebhooks(
  { ca }: { readonly ca: readonly string[] },
  guard: EgressGuard,
  parts: Parts,
): { readonly webhookDispatcher: WebhookDispatcher; drain(): Promise<void> } {
  const webhookSender = buildWebhookSender({ guard, ca })
  const dispatcher = buildWebhookDispatcher({ ...parts, webhookSender })
  const refresh = () => {
    dispatcher.refresh().catch((error: unknown) => {
      parts.log.warn({ err: error }, 'webhooks not looked for; the sweep will')
    })
  }
  parts.signals.listen((key) => (key === webhookSignal ? refresh() : dispatcher.wake()))
  // Until it is known whether anybody listens, every write would look for webhooks.
  refresh()
  return {
    webhookDispatcher: dispatcher,
    async drain() {
      await dispatcher.drain()
      webhookSender.close()
    },
  }
}
