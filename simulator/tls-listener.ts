import { once } from 'node:events'
import net from 'node:net'
import type { Server } from 'node:tls'
import type { FaultProvider, Faults } from './faults.ts'

/** Where a gateway listens. */
export type Address = { readonly host: string; readonly port: number }

/** The TCP side of a TLS server. */
export type TlsListener = {
  readonly address: Address
  /** Ends a connection, found by its remote port, with a TCP reset. */
  reset(remotePort: number | undefined): void
  /** Ends a connection, found by its remote port, before TLS begins. */
  cut(remotePort: number | undefined): void
  /** Refuses new connections. */
  stop(): void
  /** Refuses new connections and ends the remaining ones immediately. */
  close(): Promise<void>
}

/**
 * Accepts TCP connections for a TLS server. The TLS server does not listen by itself, so that a
 * connection can be refused or left in silence before TLS begins, and reset below it.
 */
export async function listenForTls(
  server: Pick<Server, 'emit'>,
  at: Address,
  faults: Faults,
  providers: readonly FaultProvider[],
): Promise<TlsListener> {
  const sockets = new Map<number, net.Socket>()
  const listener = net.createServer({ noDelay: true }, (socket) => {
    const { remotePort } = socket
    socket.on('error', () => socket.destroy())
    const fault = faults.empty ? undefined : faults.takeConnection(providers)
    if (remotePort === undefined || fault?.kind === 'refuse_connection') return socket.destroy()
    sockets.set(remotePort, socket)
    socket.on('close', () => sockets.delete(remotePort))
    if (fault?.kind !== 'silent_connection') server.emit('connection', socket)
    return undefined
  })
  listener.listen(at.port, at.host)
  await once(listener, 'listening')
  const { port } = listener.address() as net.AddressInfo
  const stop = (): void => {
    if (listener.listening) listener.close()
  }
  return {
    address: { host: at.host, port },
    reset: (remotePort) => void sockets.get(remotePort ?? -1)?.resetAndDestroy(),
    cut: (remotePort) => void sockets.get(remotePort ?? -1)?.destroy(),
    stop,
    close: async () => {
      const closing = listener.listening ? once(listener, 'close') : undefined
      stop()
      for (const socket of sockets.values()) socket.destroy()
      await closing
    },
  }
}
