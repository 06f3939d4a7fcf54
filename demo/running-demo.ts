import { startControl } from '../simulator/control.ts'
import type { DemoPorts } from './free-port.ts'
import { authenticatorAddress, startPageServer } from './page-server.ts'
import { type Stack, type StackOptions, startStack } from './stack.ts'

/** The demo with its pages. */
export type RunningDemo = {
  readonly stack: Stack
  /** The sign-in page. */
  readonly pagesUrl: string
  readonly authenticatorUrl: string
  readonly controlUrl: string
  /** Stops the pages first and the service last. */
  stop(): Promise<void>
}

/** Starts everything on these ports. Stops what it started when it throws. */
export async function startDemo(
  folder: string,
  ports: DemoPorts,
  options: Pick<StackOptions, 'publicOrigin'> = {},
): Promise<RunningDemo> {
  const stack = await startStack(folder, ports.service, options)
  const stopAll: (() => Promise<void>)[] = [stack.stop]
  const stop = async () => {
    for (const step of stopAll.splice(0)) await step()
  }
  try {
    const control = await startControl(stack.simulator, { port: ports.control })
    stopAll.unshift(control.close)
    const pages = await startPageServer(stack, control.url, ports.pages)
    stopAll.unshift(pages.close)
    const authenticatorUrl = authenticatorAddress(stack.account)
    return { stack, pagesUrl: pages.url, authenticatorUrl, controlUrl: control.url, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
