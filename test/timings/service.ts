// The service whose answers are timed, in a process of its own: what it does behind an answer must
// not delay the clock of who measures. Ends with its parent.

import { pino } from 'pino'
import { startService } from '../../src/service/compose.ts'
import { readConfig } from '../../src/service/config.ts'

/** What is sent when it is ready. */
export type Ready = { readonly key: string; readonly tenantId: string }

async function main(): Promise<void> {
  const { ENTRA_DISCOVERY: discovery = '', ...environment } = process.env
  const networks = { networks: ['127.0.0.0/8'], httpHosts: ['127.0.0.1'], ca: [] }
  const config = { ...readConfig(environment), issuers: networks }
  const origin = config.publicOrigin ?? ''
  const service = await startService(config, origin, pino({ level: 'silent' }), {
    entraDiscoveryUrlOf: () => discovery,
  })
  const { firstKey } = service
  if (!firstKey) throw new Error('a new database has no tenant')
  process.once('disconnect', () => process.exit())
  process.send?.({ key: firstKey.secret, tenantId: firstKey.tenantId } satisfies Ready)
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`)
  process.exit(1)
})
