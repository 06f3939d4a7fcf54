import { CountersignClient } from '../../clients/typescript/src/client.ts'
import type { Account } from './approvals.ts'
import { endings } from './webhook-receiver.ts'

/**
 * Has the ends of challenges sent to this address, and resolves to the secret that signs them. An
 * endpoint of an earlier run gets a new secret, and the old one expires. The key needs the scope
 * `webhooks:write`.
 */
export async function registerWebhooks(account: Account, url: string): Promise<string> {
  const client = new CountersignClient(account)
  const { items } = await client.call('GET', '/v1/webhook-endpoints')
  const earlier = items.find((endpoint) => endpoint.url === url && endpoint.status !== 'disabled')
  if (!earlier) {
    const body = { url, description: 'oidc-provider example', events: [...endings] }
    return (await client.call('POST', '/v1/webhook-endpoints', { body })).secret
  }
  const path = { id: earlier.id }
  await client.call('PATCH', '/v1/webhook-endpoints/{id}', {
    path,
    body: { status: 'active', events: [...endings] },
  })
  const body = { overlapSeconds: 0 }
  return (await client.call('POST', '/v1/webhook-endpoints/{id}/rotate-secret', { path, body }))
    .secret
}
