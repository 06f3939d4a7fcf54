import { createServer } from 'node:http'
import { type Account, Approvals } from './approvals.ts'
import { createProvider, type Directory, settle } from './provider.ts'
import { receiveWebhooks, webhookPath } from './webhook-receiver.ts'

/** The settings of an identity provider. */
export type Settings = {
  readonly issuer: string
  readonly port: number
  readonly account: Account
  readonly directory: Directory
  /** Called once it listens, with the address at which it receives webhooks. */
  readonly webhookSecret: (url: string) => Promise<string>
  readonly log: (line: string) => void
}

/** An identity provider that listens on loopback; disposing ends it. */
export async function startIdentityProvider(settings: Settings): Promise<AsyncDisposable> {
  const { issuer, account, directory, log } = settings
  const approvals = new Approvals(account)
  const provider = createProvider(issuer, directory, approvals)
  provider.on('server_error', (_ctx, error) => log(`fault: ${error.stack}`))
  provider.on('backchannel_authentication.error', (_ctx, error) =>
    log(`not asked: ${error.message} ${error.cause ?? ''}`),
  )
  const secrets: string[] = []
  const onEnded = (correlationId: string) =>
    approvals.conclude(correlationId, (...decision) => settle(provider, ...decision))
  const webhooks = receiveWebhooks(secrets, onEnded, log)
  const answer = provider.callback()
  const server = createServer((request, response) => {
    const isWebhook = request.method === 'POST' && request.url === webhookPath
    void (isWebhook ? webhooks(request, response) : answer(request, response))
  })
  const close = () => {
    server.closeAllConnections()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(settings.port, '127.0.0.1', resolve)
  })
  try {
    secrets.push(await settings.webhookSecret(`${issuer}${webhookPath}`))
  } catch (error) {
    await close()
    throw error
  }
  return { [Symbol.asyncDispose]: close }
}
