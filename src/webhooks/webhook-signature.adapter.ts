import { createHmac } from 'node:crypto'
import type { WebhookRequest } from './webhook-sending.store.ts'

/**
 * The prefix of a symmetric secret; what follows is base64 (Standard Webhooks 1.0.0, "Signature
 * scheme").
 */
const prefix = 'whsec_'

/**
 * The headers of a signed webhook: one signature of each secret, newest first, so that a receiver
 * may use either.
 */
export function webhookHeaders({ id, at, body, secrets }: Omit<WebhookRequest, 'url'>) {
  const timestamp = Math.floor(at.getTime() / 1000)
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(prefix.length), 'base64')
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
  })
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  }
}
