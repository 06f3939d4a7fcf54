// A client of the identity provider without a browser: a call center that verifies a caller.

import { randomInt } from 'node:crypto'
import * as oidc from 'openid-client'

const { ISSUER = 'http://localhost:3000', CLIENT_SECRET = '' } = process.env
const [user = 'alice@example.com'] = process.argv.slice(2)
const pollSeconds = 1

async function main(): Promise<void> {
  const issuer = new URL(ISSUER)
  const client = await oidc.discovery(
    issuer,
    'call-centre',
    undefined,
    oidc.ClientSecretBasic(CLIENT_SECRET),
    // For this machine only: a reachable identity provider uses https.
    issuer.protocol === 'http:' ? { execute: [oidc.allowInsecureRequests] } : {},
  )
  // New ones for each sign-in, from an unpredictable source: a user who knows them in advance can
  // approve by reflex.
  const digits = String(randomInt(1_000_000)).padStart(6, '0')
  const authRequest = await oidc.initiateBackchannelAuthentication(client, {
    scope: 'openid',
    login_hint: user,
    binding_message: `Sign-in ${digits}`,
  })
  process.stdout.write(`Tell ${user} to type ${digits} on the phone.\n`)
  const tokens = await oidc.pollBackchannelAuthenticationGrant(client, {
    ...authRequest,
    interval: pollSeconds,
  })
  process.stdout.write(`${JSON.stringify(tokens.claims(), null, 2)}\n`)
}

main().catch((error: unknown) => {
  const { error: code, error_description: why } = error as Record<string, unknown>
  process.stderr.write(`Not signed in: ${code ?? error}${why ? ` (${why})` : ''}\n`)
  process.exit(1)
})
