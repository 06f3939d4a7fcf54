import { createServer } from 'node:net'

/** Where the parts of the demo listen. */
export type DemoPorts = {
  readonly service: number
  readonly pages: number
  readonly control: number
}

/**
 * The ports that follow from the one requested for the pages: the service ten below, the push
 * simulator one above. One in use is replaced by the next free one, and `say` receives a note.
 */
export async function choosePorts(
  wantedPort: number,
  say: (line: string) => void,
): Promise<DemoPorts> {
  const takenPorts = new Set<number>()
  const choose = async (what: string, port: number) => {
    const freePort = await nextFreePort(port, takenPorts)
    takenPorts.add(freePort)
    if (freePort !== port) say(`Port ${port} is taken, so ${what} takes ${freePort}.`)
    return freePort
  }
  return {
    service: await choose('the service', wantedPort - 10),
    pages: await choose('the demo', wantedPort),
    control: await choose('the push simulator', wantedPort + 1),
  }
}

/** Ports that the operating system chooses. */
export async function anyPorts(): Promise<DemoPorts> {
  const [service, pages, control] = await Promise.all([anyPort(), anyPort(), anyPort()])
  return { service, pages, control }
}

/** A port that the operating system chooses. */
export function anyPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

const candidates = 100

/**
 * Another process may take the port between this check and its use, which then fails by itself.
 * Throws when a hundred in a row are in use.
 */
async function nextFreePort(wantedPort: number, takenPorts: ReadonlySet<number>): Promise<number> {
  for (let port = wantedPort; port < wantedPort + candidates; port++) {
    if (!takenPorts.has(port) && (await isFree(port))) return port
  }
  throw new Error(
    `all ports from ${wantedPort} to ${wantedPort + candidates - 1} are taken: choose others with --port`,
  )
}

/** `localhost` may mean either address, and a browser takes the one that answers first. */
async function isFree(port: number): Promise<boolean> {
  return (await canListen(port, '127.0.0.1')) && (await canListen(port, '::1'))
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      // A machine without IPv6 has no listener on it either.
      resolve(error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT')
    })
    server.listen(port, host, () => server.close(() => resolve(true)))
  })
}
