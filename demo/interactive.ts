import { constants } from 'node:os'
import path from 'node:path'
import { choosePorts } from './free-port.ts'
import { openInBrowser } from './open-in-browser.ts'
import type { DemoOptions } from './options.ts'
import { type RunningDemo, startDemo } from './running-demo.ts'
import { forget } from './stack.ts'

/** Phones know the service by its origin, so that each has its own installation. */
function usualFolder({ publicOrigin }: DemoOptions): string {
  const name = publicOrigin === null ? 'demo' : `demo-${new URL(publicOrigin).host}`
  return path.resolve(import.meta.dirname, '..', '.countersign', name.replace(':', '-'))
}

const stopTimeoutMs = 20_000

/**
 * Runs the demo with its pages until somebody stops it. Resolves to whether it ended because it was
 * stopped.
 */
export async function runInteractive(options: DemoOptions, say: (line: string) => void) {
  const folder = options.folder ?? usualFolder(options)
  const stop = stopSignal()
  const demo = await Promise.race([stop, start(options, folder, say)])
  if (typeof demo === 'string') {
    say('Stopped before it had started.')
    // The processes already started end with this one.
    process.exit(128 + constants.signals[demo])
  }
  if (demo.stack.earlierOrigin !== null) say(originNote(demo.stack.earlierOrigin))
  say(announcement(demo, folder))
  if (options.opens && process.stdout.isTTY) {
    await openInBrowser([`${demo.pagesUrl}/`, demo.authenticatorUrl])
  }
  const end = await Promise.race([
    stop.then(() => 'told' as const),
    demo.stack.service.loss.then(() => 'lost' as const),
  ])
  say(end === 'told' ? 'Stopping ...' : 'Countersign ended by itself; see its log. Stopping ...')
  // A step that hangs must not keep this process alive: the service watches it, and ends with it.
  setTimeout(() => process.exit(1), stopTimeoutMs).unref()
  await demo.stop()
  return end === 'told'
}

async function start(
  options: DemoOptions,
  folder: string,
  say: (line: string) => void,
): Promise<RunningDemo> {
  if (options.fresh) await forget(folder)
  const ports = await choosePorts(options.port, say)
  say('Starting Countersign with a database of its own and simulated APNs and FCM ...')
  return startDemo(folder, ports, options).catch((error: unknown) => {
    say('If the data come from another version of this project: npm run demo -- --fresh')
    throw error
  })
}

type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP'

/**
 * Resolves once: on Ctrl-C, a service manager's stop, a closed terminal. The second signal ends the
 * process immediately.
 */
function stopSignal(): Promise<StopSignal> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => resolve(signal))
    }
  })
}

function originNote(earlier: string): string {
  return [
    `Note: devices of earlier runs belong to ${earlier}, which is part of everything they sign.`,
    'They cannot be used at this address: set them up anew, or free that port and start again.',
  ].join('\n')
}

function announcement(demo: RunningDemo, folder: string): string {
  const { stack, pagesUrl, authenticatorUrl, controlUrl } = demo
  return box([
    'Countersign demo',
    '',
    'Open both, in two windows side by side:',
    `Sign-in page   ${pagesUrl}/`,
    `Authenticator  ${authenticatorUrl}`,
    '',
    `Push inbox     ${pagesUrl}/inbox`,
    `Push log       ${controlUrl}/log`,
    `API docs       ${stack.service.origin}/docs`,
    '',
    `Data and log in ${path.relative(process.cwd(), folder) || folder}, kept for the next run`,
    'Ctrl-C stops everything.',
  ])
}

function box(lines: readonly string[]): string {
  const width = Math.max(...lines.map((line) => line.length))
  const bar = '─'.repeat(width + 4)
  const rows = lines.map((line) => `│  ${line.padEnd(width)}  │`)
  return ['', `┌${bar}┐`, ...rows, `└${bar}┘`, ''].join('\n')
}
