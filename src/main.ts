// Entry of the service.

import { createServer } from 'node:net'
import { pino } from 'pino'
import type { Service } from './compose.ts'
import { type Config, readConfig } from './config.ts'
import { loggerOptions } from './http/logging.ts'
import { listenFault, wordsOf } from './start-fault.ts'
import { stopOnSignals } from './stop-on-signals.ts'

/** The public origin must be known before the first request: it is part of every issuer and every proof. */
async function withPort(config: Config): Promise<Config> {
  if (config.port !== 0) return config
  const probe = createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (error) => reject(listenFault(error, config)))
    probe.listen(0, config.host, resolve)
  })
  const bound = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (bound === null || typeof bound === 'string') throw new Error('no free port found')
  return { ...config, port: bound.port }
}

/** What the operator must see once: addresses, and the first key, which is never readable again. */
function announce({ address, publicOrigin, bootstrapped }: Service): void {
  const lines =
    address === null
      ? ['Worker running.']
      : [`Countersign listens on ${address} as ${publicOrigin}`]
  if (address !== null) lines.push(`API reference: ${publicOrigin}/docs`)
  if (bootstrapped) {
    lines.push(
      '',
      'First start: a tenant, a relying party and an API key with all scopes were made.',
      `  tenant         ${bootstrapped.tenantId}`,
      `  relying party  ${bootstrapped.relyingParty.id} (namespace "default")`,
      `  API key        ${bootstrapped.secret}`,
      'The key is shown this once. More: npm run countersign -- keys create --help',
      '',
    )
  }
  process.stdout.write(`${lines.join('\n')}\n`)
}

async function main(): Promise<void> {
  const config = await withPort(readConfig(process.env))
  const log = pino(loggerOptions(config.logLevel))
  const publicOrigin = config.publicOrigin ?? `http://localhost:${config.port}`
  // Late: faults of the configuration are told without loading the service.
  const { startService } = await import('./compose.ts')
  const service = await startService(config, publicOrigin, log)
  stopOnSignals(service, service.address === null ? 0 : config.stopDelaySeconds, log)
  announce(service)
}

main().catch((error: unknown) => {
  process.stderr.write(`${wordsOf(error)}\n`)
  process.exit(1)
})
