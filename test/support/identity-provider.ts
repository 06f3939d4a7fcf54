// The example's identity provider with a whole service, and a client of it: npm openid-client.

import { randomBytes } from 'node:crypto'
import * as oidc from 'openid-client'
import {
  type Settings,
  startIdentityProvider,
} from '../../examples/oidc-provider/identity-provider.ts'
import { endings, webhookPath } from '../../examples/oidc-provider/webhook-receiver.ts'
import { freePort } from './ports.ts'
import { enrollPhone, type Phone, type RunningService } from './running-service.ts'
import { startWebhookTap, type WebhookTap } from './webhook-tap.ts'

const pollSeconds = 0.05

export type TestProvider = AsyncDisposable & {
  readonly people: string[]
  /** The address at which it receives webhooks. */
  readonly webhookUrl: string
  readonly webhookSecret: string
  readonly tap: WebhookTap
  /** Sends a CIBA request; rejects as openid-client does. */
  ask(
    user: string,
    bindingMessage?: string,
    more?: Record<string, string>,
  ): ReturnType<typeof oidc.initiateBackchannelAuthentication>
  /** Polls until the end: claims of the verified id token, or openid-client's error. */
  wait(authRequest: { auth_req_id: string; expires_in: number }): Promise<oidc.IDToken | undefined>
  /** Requests tokens once: `ok`, or the OAuth error. */
  poll(authRequest: { auth_req_id: string }): Promise<string>
}

/** Starts one; `fetch` and `timeoutMs` are those of its calls to the service. */
export async function startTestProvider(
  { origin, tenantId, key, api }: RunningService,
  account: Pick<Settings['account'], 'fetch' | 'timeoutMs'> = {},
): Promise<TestProvider> {
  await using stack = new AsyncDisposableStack()
  const tap = stack.use(await startWebhookTap())
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}`
  const webhookUrl = `${issuer}${webhookPath}`
  tap.forwardTo(webhookUrl)
  const creation = await api('POST', '/v1/webhook-endpoints', { url: tap.url, events: endings })
  const parties = await api('GET', '/v1/relying-parties')
  stack.defer(async () => {
    await api('DELETE', `/v1/webhook-endpoints/${creation.json.id}`)
  })
  const people: string[] = []
  const secret = randomBytes(24).toString('base64url')
  const relyingPartyId = parties.json.items[0].id
  stack.use(
    await startIdentityProvider({
      issuer,
      port,
      account: { origin, tenantId, relyingPartyId, apiKey: key, ...account },
      directory: { people, client: { id: 'desk', secret, name: 'Service desk' } },
      webhookSecret: async () => creation.json.secret,
      log: () => undefined,
    }),
  )
  const client = await oidc.discovery(
    new URL(issuer),
    'desk',
    undefined,
    oidc.ClientSecretBasic(secret),
    { execute: [oidc.allowInsecureRequests] },
  )
  const running = stack.move()
  return {
    people,
    webhookUrl,
    webhookSecret: creation.json.secret,
    tap,
    ask: (user, bindingMessage, more) =>
      oidc.initiateBackchannelAuthentication(client, {
        scope: 'openid',
        login_hint: user,
        ...(bindingMessage !== undefined && { binding_message: bindingMessage }),
        ...more,
      }),
    async wait(authRequest) {
      const poll = { ...authRequest, interval: pollSeconds }
      return (await oidc.pollBackchannelAuthenticationGrant(client, poll)).claims()
    },
    poll: ({ auth_req_id }) =>
      oidc.genericGrantRequest(client, 'urn:openid:params:grant-type:ciba', { auth_req_id }).then(
        () => 'ok',
        (error: oidc.ResponseBodyError) => error.error,
      ),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** A new user of both, with a phone. */
export async function newPerson(
  service: RunningService,
  { people }: Pick<TestProvider, 'people'>,
): Promise<{ readonly user: string; readonly phone: Phone }> {
  const user = `user-${randomBytes(4).toString('hex')}@example.com`
  people.push(user)
  return { user, phone: await enrollPhone(service, { user }) }
}
