// A prompt as a client of OpenID Connect begins it, that waits for a phone.

import { createHash, randomBytes } from 'node:crypto'
import { createdIn, type RelyingParty } from '../relying-party.ts'

/** Where a prompt is, and the cookie of the browser that began it. */
export type OpenPrompt = { readonly path: string; readonly cookie: string }

const redirectUri = 'https://client.example/callback'
/** The longest that a number may be shown: the page stays the same while it is measured. */
const ttlSeconds = 600

/** A client whose requests name people by a bare hint; the id of its integration. */
export async function createClient(party: RelyingParty, relyingPartyId: string): Promise<string> {
  const plan = {
    ...{ relyingPartyId, name: 'Payroll', ttlSeconds },
    settings: {
      kind: 'oidc_code',
      redirectUris: [redirectUri],
      clientAuthentication: 'client_secret_basic',
      bareLoginHintAllowed: true,
    },
  }
  const reply = await party.post('/v1/integrations', JSON.stringify(plan))
  return (createdIn(reply) as { readonly id: string }).id
}

/** Begins a prompt for the user, and shows its number. */
export async function openPrompt(
  origin: string,
  tenantId: string,
  clientId: string,
  user: string,
): Promise<OpenPrompt> {
  const fields = {
    ...{ client_id: clientId, redirect_uri: redirectUri, response_type: 'code', scope: 'openid' },
    code_challenge: createHash('sha256').update(randomBytes(32)).digest('base64url'),
    code_challenge_method: 'S256',
    ...{ state: 's', nonce: 'n', login_hint: user },
  }
  const opening = await press(`${origin}/t/${tenantId}/oidc/authorize`, fields, '')
  const path = opening.headers.get('location')
  const cookie = opening.headers.getSetCookie().map((one) => one.split(';')[0])[0]
  if (path === null || cookie === undefined) throw new Error(`no prompt: ${opening.status}`)
  const asking = await press(`${origin}${path}/ask`, {}, cookie)
  if (asking.status !== 303) throw new Error(`nobody is asked: ${asking.status}`)
  return { path, cookie }
}

async function press(address: string, fields: Record<string, string>, cookie: string) {
  const answer = await fetch(address, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams(fields),
    headers: { accept: 'text/html', 'sec-fetch-site': 'same-origin', cookie },
  })
  await answer.body?.cancel()
  return answer
}
