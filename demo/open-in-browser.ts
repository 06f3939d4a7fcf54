import { spawn } from 'node:child_process'
import { once } from 'node:events'

type Machine = {
  readonly platform: NodeJS.Platform
  readonly environment: Readonly<Record<string, string | undefined>>
}

const thisMachine: Machine = { platform: process.platform, environment: process.env }

/** The command that opens an address in the browser of the user; null where there is no screen. */
function openerOf({ platform, environment }: Machine): readonly string[] | null {
  if (platform === 'darwin') return ['open']
  // The empty argument is the title of a window, which `start` takes first.
  if (platform === 'win32') return ['cmd', '/c', 'start', '""']
  return environment.DISPLAY || environment.WAYLAND_DISPLAY ? ['xdg-open'] : null
}

/**
 * Opens the addresses in the user's browser, one after the other; does nothing where there is none.
 */
export async function openInBrowser(
  addresses: readonly string[],
  machine: Machine = thisMachine,
): Promise<void> {
  const [command, ...words] = openerOf(machine) ?? []
  if (command === undefined) return
  for (const address of addresses) {
    const child = spawn(command, [...words, address], {
      env: machine.environment,
      stdio: 'ignore',
      detached: true,
    })
    child.unref()
    // A machine with a screen and without that program: the addresses are printed as well.
    await once(child, 'spawn').catch(() => undefined)
  }
}
