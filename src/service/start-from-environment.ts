import { flushCompileCache } from 'node:module'
import { createServer } from 'node:net'
import { type Logger, pino } from 'pino'
import { loggerOptions } from '../platform/http/logging.ts'
import { buildLineBuffer } from '../platform/logs/line-buffer.ts'
import type { BootstrapResult } from '../tenants/tenants.ts'
import type { Service } from './compose.ts'
import { type Config, readConfig } from './config.ts'
import { listenFault } from './start-fault.ts'

/** Prints lines for the operator, and resolves when they are written. */
export type Say = (lines: readonly string[]) => Promise<void>

export type StartedService = {
  readonly service: Service
  readonly config: Config
  readonly log: Logger
}

/**
 * Starts the service as its environment says; the first key, if this start creates it, is shown
 * before it exists. Throws a `StartFault` or another error that `messageOf` explains.
 */
export async function startFromEnvironment(
  environment: NodeJS.ProcessEnv,
  say: Say,
): Promise<StartedService> {
  const config = await withPort(readConfig(environment))
  const stdout = { dest: 1, minLength: 0 }
  const syncStdout = pino.destination({ ...stdout, sync: true })
  const lines = buildLineBuffer(pino.destination({ ...stdout, sync: false }), syncStdout)
  process.once('exit', lines.flushSync)
  const log = pino(loggerOptions(config.logLevel), lines)
  const origin = config.publicOrigin ?? `http://localhost:${config.port}`
  // Late: faults of the configuration are reported without loading the service.
  const { startService } = await import('./compose.ts')
  // Before the first request, which it would hold up: 0.3 s, when there was no cache yet (bin/).
  // By itself Node writes at an orderly exit only.
  flushCompileCache()
  const service = await startService(config, origin, log, {}, (key) => showFirstKey(key, say))
  // Before what the start says to the operator.
  lines.flushSync()
  return { service, config, log }
}

/** Says that the service runs, and where. */
export function announce({ service, config }: StartedService, say: Say): Promise<void> {
  const { address, publicOrigin } = service
  if (address === null) return say(['Worker running.'])
  return say([
    `Countersign listens on ${address} as ${publicOrigin}`,
    ...(config.apiDocs ? [`API reference: ${publicOrigin}/docs`] : []),
  ])
}

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

/** What the operator sees only once: the first key is never readable again. */
function showFirstKey(
  { tenantId, relyingParty, secret }: BootstrapResult,
  say: Say,
): Promise<void> {
  return say([
    'First start: a tenant, a relying party and an API key with all scopes were created.',
    `  tenant         ${tenantId}`,
    `  relying party  ${relyingParty.id} (namespace "default")`,
    `  API key        ${secret}`,
    'The key is shown this once. More: npm run countersign -- keys create --help',
    '',
  ])
}
