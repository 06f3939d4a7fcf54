// The identity provider of the example, until Ctrl-C. README.md lists what it needs.

import { randomBytes } from 'node:crypto'
import closeWithGrace from 'close-with-grace'
import { startIdentityProvider } from './identity-provider.ts'
import { registerWebhooks } from './webhook-endpoint.ts'

const { env } = process

function requiredVariable(name: string): string {
  const value = env[name]
  if (!value) throw new Error(`Set ${name}: npm start printed it at its first start.`)
  return value
}

async function main(): Promise<void> {
  const account = {
    origin: env.COUNTERSIGN_URL ?? 'http://localhost:8080',
    tenantId: requiredVariable('COUNTERSIGN_TENANT'),
    relyingPartyId: requiredVariable('COUNTERSIGN_RELYING_PARTY'),
    apiKey: requiredVariable('COUNTERSIGN_KEY'),
  }
  const port = Number(env.PORT ?? 3000)
  const issuer = env.ISSUER ?? `http://localhost:${port}`
  const secret = env.CLIENT_SECRET ?? randomBytes(24).toString('base64url')
  const people = (env.PEOPLE ?? 'alice@example.com').split(',')
  const provider = await startIdentityProvider({
    issuer,
    port,
    account,
    directory: { people, client: { id: 'call-centre', secret, name: 'Call centre' } },
    webhookSecret: async (url) =>
      env.COUNTERSIGN_WEBHOOK_SECRET ?? (await registerWebhooks(account, url)),
    log: (line) => process.stderr.write(`${line}\n`),
  })
  closeWithGrace({ delay: 5000, logger: false }, () => provider[Symbol.asyncDispose]())
  process.stdout.write(
    `The identity provider listens as ${issuer}. In another terminal, sign ${people[0]} in:\n` +
      `  ISSUER=${issuer} CLIENT_SECRET=${secret} npm run example:sign-in -- ${people[0]}\n`,
  )
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exit(1)
})
