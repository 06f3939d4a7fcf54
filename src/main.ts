// Entry of the service.

import { createServer } from 'node:net'
import { pino } from 'pino'
import { loggerOptions } from './platform/http/logging.ts'
import type { Service } from './service/compose.ts'
import { type Config, readConfig } from './service/config.ts'
import { listenFault, messageOf } from './service/start-fault.ts'
import { stopOnSignals, stopSignals } from './service/stop-on-signals.ts'
import { printable } from './service/terminal.ts'
import type { BootstrapResult } from './tenants/tenants.ts'

/**
 * Fails early if the port cannot be listened on; for port 0 finds a free one. The public origin
 * must be known before the first request: it is part of every issuer and every proof.
 */
async function withPort(config: Config): Promise<Config> {
  if (config.role === 'worker') return config
  const probe = createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (error) => reject(listenFault(error, config)))
    probe.listen(config.port, config.host, resolve)
  })
  const boundAddress = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (boundAddress === null || typeof boundAddress === 'string')
    throw new Error('no free port found')
  return { ...config, port: boundAddress.port }
}

function say(lines: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${lines.join('\n')}\n`, (error) => (error ? reject(error) : resolve()))
  })
}

/** What the operator sees only once: the first key is never readable again. */
function showFirstKey({ tenantId, relyingParty, secret }: BootstrapResult): Promise<void> {
  return say([
    'First start: a tenant, a relying party and an API key with all scopes were created.',
    `  tenant         ${tenantId}`,
    `  relying party  ${relyingParty.id} (namespace "default")`,
    `  API key        ${secret}`,
    'The key is shown this once. More: npm run countersign -- keys create --help',
    '',
  ])
}

function announce({ address, publicOrigin }: Service, { apiDocs }: Config): Promise<void> {
  if (address === null) return say(['Worker running.'])
  return say([
    `Countersign listens on ${address} as ${publicOrigin}`,
    ...(apiDocs ? [`API reference: ${publicOrigin}/docs`] : []),
  ])
}

/**
 * Until the service runs, which has its own way to stop: the database rolls back unfinished work.
 */
function exitImmediately(): void {
  process.stderr.write('Stopped before the start was complete.\n')
  process.exit(0)
}

async function main(): Promise<void> {
  const config = await withPort(readConfig(process.env))
  const log = pino(loggerOptions(config.logLevel))
  const origin = config.publicOrigin ?? `http://localhost:${config.port}`
  for (const signal of stopSignals) process.on(signal, exitImmediately)
  // Late: faults of the configuration are reported without loading the service.
  const { startService } = await import('./service/compose.ts')
  const service = await startService(config, origin, log, undefined, showFirstKey)
  stopOnSignals(service, service.address === null ? 0 : config.stopDelaySeconds, log)
  for (const signal of stopSignals) process.off(signal, exitImmediately)
  await announce(service, config)
}

main().catch((error: unknown) => {
  process.stderr.write(`${printable(messageOf(error))}\n`)
  process.exit(1)
})
