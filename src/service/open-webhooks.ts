// The sending of webhooks; src/service/compose.ts connects the rest.

import type { EgressGuard } from '../platform/net/egress-guard.ts'
import type { Database } from '../platform/postgres/database.ts'
import type { Signals } from '../platform/signals.ts'
import {
  buildWebhookDispatcher,
  type Dependencies,
  type WebhookDispatcher,
} from '../webhooks/webhook-dispatcher.ts'
import { webhookSignal } from '../webhooks/webhook-endpoints.ts'
import { buildWebhookSender } from '../webhooks/webhook-sender.adapter.ts'

type Parts = Omit<Dependencies, 'webhookSender'> & {
  readonly signals: { listen(listener: (key: string) => void): void }
  readonly database: Pick<Database, 'listenToNotice'>
}

/** Signalled when a process without a dispatcher has recorded a fact: workers fan it out. */
const factSignal = 'webhook-facts'
/** The notice of the triggers to the connection that has recorded a fact. */
const factNotice = 'webhook_facts'

/** Signals to workers that this process, which sends no webhooks itself, has recorded facts. */
export function signalFacts(
  database: Pick<Database, 'listenToNotice'>,
  signals: Pick<Signals, 'publish'>,
): void {
  database.listenToNotice(factNotice, () => signals.publish(factSignal))
}

/**
 * The webhook dispatcher of this process. It fans out the facts that it has recorded itself; a
 * signal tells of others, and of deliveries that became due. What is missed the sweep finds.
 */
export function openWebhooks(
  { ca }: { readonly ca: readonly string[] },
  guard: EgressGuard,
  parts: Parts,
): { readonly webhookDispatcher: WebhookDispatcher; drain(): Promise<void> } {
  const webhookSender = buildWebhookSender({ guard, ca })
  const dispatcher = buildWebhookDispatcher({ ...parts, webhookSender })
  parts.database.listenToNotice(factNotice, dispatcher.wake)
  parts.signals.listen((key) => {
    if (key === factSignal) dispatcher.wake()
    if (key === webhookSignal) void dispatcher.work()
  })
  return {
    webhookDispatcher: dispatcher,
    async drain() {
      await dispatcher.drain()
      webhookSender.close()
    },
  }
}
