// How the process ends: turned away from first, drained after that.

import closeWithGrace from 'close-with-grace'
import type { Logger } from 'pino'

/** What is ended: `leave` turns everybody away, `stop` drains. */
type Running = { leave(): void; stop(): Promise<void> }

const drainMs = 30_000
/** What asks a process to end. */
export const stopSignals = ['SIGTERM', 'SIGINT'] as const

/**
 * At the first SIGTERM or SIGINT the service leaves: it answers for `delaySeconds` more, so that nobody's request is reset.
 * Then it drains and ends with 0. There is no delay at a terminal; a second signal ends it. (`npm start` passes on the
 * SIGINT that the terminal has already sent, so Ctrl-C arrives twice.) A third one ends the process at once, with 1, as
 * an unexpected error does after the drain.
 */
export function stopOnSignals(service: Running, delaySeconds: number, log: Logger): void {
  const delayMs = process.stdin.isTTY ? 0 : delaySeconds * 1_000
  let stopped: Promise<void> | undefined
  const grace = closeWithGrace(
    { delay: drainMs, logger: log, skip: [...stopSignals] },
    async ({ err }) => {
      if (err) log.fatal({ err }, 'stopping after an unexpected error')
      // An error and a signal may both bring us here; a second `stop` would not wait for the first.
      stopped ??= service.stop()
      await stopped
      log.info('stopped')
    },
  )
  let received = 0
  let timer: NodeJS.Timeout | undefined
  const drain = () => {
    clearTimeout(timer)
    void grace.close()
  }
  const onSignal = (signal: NodeJS.Signals) => {
    received++
    if (received === 1) {
      log.info({ signal, delayMs }, 'stopping')
      service.leave()
      timer = setTimeout(drain, delayMs)
    } else if (received === 2) {
      drain()
    } else {
      log.error({ signal }, 'third signal, ending without a drain')
      process.exit(1)
    }
  }
  for (const signal of stopSignals) process.on(signal, onSignal)
}
