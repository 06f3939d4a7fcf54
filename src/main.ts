// Entry of the service.

import { flushCompileCache } from 'node:module'
import { messageOf } from './service/start-fault.ts'
import { announce, type Say, startFromEnvironment } from './service/start-from-environment.ts'
import { stopOnSignals, stopSignals } from './service/stop-on-signals.ts'
import { printable } from './service/terminal.ts'

const say: Say = (lines) =>
  new Promise((resolve, reject) => {
    process.stdout.write(`${lines.join('\n')}\n`, (error) => (error ? reject(error) : resolve()))
  })

/**
 * Until the service runs, which has its own way to stop: the database rolls back unfinished work.
 */
function exitImmediately(): void {
  process.stderr.write('Stopped before the start was complete.\n')
  process.exit(0)
}

async function main(): Promise<void> {
  for (const signal of stopSignals) process.on(signal, exitImmediately)
  const start = await startFromEnvironment(process.env, say)
  const { service, config, log } = start
  stopOnSignals(service, service.address === null ? 0 : config.stopDelaySeconds, log)
  for (const signal of stopSignals) process.off(signal, exitImmediately)
  // The few that the start has loaded besides, such as what starts PostgreSQL.
  flushCompileCache()
  await announce(start, say)
}

main().catch((error: unknown) => {
  process.stderr.write(`${printable(messageOf(error))}\n`)
  process.exit(1)
})
