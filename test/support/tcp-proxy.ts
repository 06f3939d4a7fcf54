import { connect, createServer, type Socket } from 'node:net'
import path from 'node:path'

/**
 * The state of the connection between two programs: works, refuses connections, or drops
 * everything.
 */
export type Line = 'open' | 'refusing' | 'silent'

/**
 * A database connection that can be cut: `url` leads through it. Cutting it also ends or freezes
 * open connections.
 */
export async function startDatabaseLine(databaseUrl: string) {
  const target = new URL(databaseUrl)
  const folder = target.searchParams.get('host')
  const port = Number(target.port || 5432)
  const reach = () =>
    folder?.startsWith('/')
      ? connect(path.join(folder, `.s.PGSQL.${port}`))
      : connect(port, target.hostname)
  const open = new Set<Socket>()
  let line: Line = 'open'
  let losesReplyTo: string | undefined
  let isDeaf = false
  let onReply: { readonly statement: string; readonly act: () => unknown } | undefined

  const server = createServer((near) => {
    if (line === 'refusing') {
      near.destroy()
      return
    }
    open.add(near)
    near.on('error', () => near.destroy())
    if (line === 'silent') return
    const far = reach()
    open.add(far)
    far.on('error', () => near.destroy())
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    let isAwaited = false
    near.on('data', (data) => {
      if (onReply && data.includes(onReply.statement)) isAwaited = true
      if (losesReplyTo !== undefined && data.includes(losesReplyTo)) isDeaf = true
      if (line === 'open') far.write(data)
    })
    far.on('data', (data) => {
      if (isAwaited) {
        isAwaited = false
        onReply?.act()
        onReply = undefined
        return
      }
      if (line === 'open' && !isDeaf) near.write(data)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')

  const url = new URL(databaseUrl)
  url.searchParams.delete('host')
  url.hostname = '127.0.0.1'
  url.port = String(address.port)

  function cut() {
    for (const socket of open) socket.destroy()
    open.clear()
  }
  return {
    url: url.href,
    /**
     * Open again means open to new connections: frozen connections stay frozen until they are
     * closed.
     */
    set(next: Line) {
      line = next
      losesReplyTo = undefined
      isDeaf = false
      if (next === 'refusing') cut()
    },
    /**
     * Forwards everything up to and including a statement of this name, but no reply any more,
     * until it is set again.
     */
    loseReplyTo(statement: string) {
      losesReplyTo = statement
    },
    /**
     * Calls `act` once, in place of forwarding the next reply to a statement of this name: it is
     * committed then, and the sender does not know it.
     */
    onReplyTo(statement: string, act: () => unknown) {
      onReply = { statement, act }
    },
    async close() {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
