import { startControl } from '../simulator/control.ts'
import type { DemoPorts } from './free-port.ts'
import { startPageServer } from './page-server.ts'
import { type Stack, startStack } from './stack.ts'

/** The demo with its pages. */
export type RunningDemo = {
  readonly stack: Stack
  readonly pagesUrl: string
  readonly controlUrl: string
  /** Stops the pages first and the service last. */
  stop(): Promise<void>
}

/** Starts everything on these ports. Stops what it started when it throws. */
export async function startDemo(folder: string, ports: DemoPorts): Promise<RunningDemo> {
  const stack = await startStack(folder, ports.service)
  const stopAll: (() => Promise<void>)[] = [stack.stop]
  const stop = async () => {
    for (const step of stopAll.splice(0)) await step()
  }
  try {
    const control = await startControl(stack.simulator, { port: ports.control })
    stopAll.unshift(control.close)
    const pages = await startPageServer(stack, control.url, ports.pages)
    stopAll.unshift(pages.close)
    return { stack, pagesUrl: pages.url, controlUrl: control.url, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
