// How the process ends: clients leave first, then it drains.

import closeWithGrace from 'close-with-grace'
import type { Logger } from 'pino'

/** What is ended: `leave` makes clients go away, `stop` drains. */
type Running = { leave(): void; stop(): Promise<void> }

const drainMs = 30_000
/** The signals that ask a process to end. */
export const stopSignals = ['SIGTERM', 'SIGINT'] as const

/**
 * At the first SIGTERM or SIGINT the service leaves: it keeps answering for `delaySeconds`, so that
 * no request is reset. Then it drains and exits with 0. There is no delay at a terminal; a second
 * signal ends it. (`npm start` passes on the SIGINT that the terminal has already sent, so Ctrl-C
 * arrives twice.) A third one ends the process immediately, with 1, as an unexpected error does
 * after the drain.
 */
export function stopOnSignals(service: Running, delaySeconds: number, log: Logger): void {
  const delayMs = process.stdin.isTTY ? 0 : delaySeconds * 1_000
  let stopping: Promise<void> | undefined
  const grace = closeWithGrace(
    { delay: drainMs, logger: log, skip: [...stopSignals] },
    async ({ err }) => {
      if (err) log.fatal({ err }, 'stopping after an unexpected error')
      // An error and a signal may both bring us here; a second `stop` would not wait for the first.
      stopping ??= service.stop()
      await stopping
      log.info('stopped')
    },
  )
  let signalCount = 0
  let timer: NodeJS.Timeout | undefined
  const drain = () => {
    clearTimeout(timer)
    void grace.close()
  }
  const onSignal = (signal: NodeJS.Signals) => {
    signalCount++
    if (signalCount === 1) {
      log.info({ signal, delayMs }, 'stopping')
      service.leave()
      timer = setTimeout(drain, delayMs)
    } else if (signalCount === 2) {
      drain()
    } else {
      log.error({ signal }, 'third signal, ending without a drain')
      process.exit(1)
    }
  }
  for (const signal of stopSignals) process.on(signal, onSignal)
}
