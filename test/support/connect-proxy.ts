import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startListener } from './ports.ts'
import { programOf } from './programs.ts'

/** Where tinyproxy is; undefined on a machine without it. */
export const tinyproxyProgram = programOf('tinyproxy')

/** A proxy that admits the targets that `admit` allows, and records all requested targets. */
export async function startConnectProxy(
  admit: (authorization: string | undefined) => boolean = () => true,
) {
  const targets: string[] = []
  const open = new Set<Socket>()
  const server = createServer((_request, reply) => void reply.writeHead(405).end())
  server.on('connect', ({ url = '', headers }, near: Socket, head: Buffer) => {
    targets.push(url)
    open.add(near)
    near.on('error', () => near.destroy())
    if (!admit(headers['proxy-authorization'])) {
      near.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n')
      return
    }
    const [host = '', port = ''] = url.split(':')
    const far = connect(Number(port), host, () => {
      near.write('HTTP/1.1 200 Connection established\r\n\r\n')
      if (head.length > 0) far.write(head)
      far.pipe(near)
      near.pipe(far)
    })
    open.add(far)
    far.on('error', () => near.destroy())
    near.on('close', () => far.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return {
    proxy: { host: '127.0.0.1', port: address.port, credentials: null },
    asked: targets,
    /** Ends its current connections; new ones are accepted as before. */
    cut() {
      for (const socket of open) socket.destroy()
      open.clear()
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Debian's tinyproxy, which lets this machine connect to these ports after a login. */
export async function startTinyproxy(ports: readonly number[]) {
  if (tinyproxyProgram === undefined) throw new Error('there is no tinyproxy on this machine')
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(path.join(tmpdir(), 'cs-tinyproxy-'))
  stack.defer(() => rm(folder, { recursive: true }))
  const credentials = { user: 'countersign', password: 'secret' }
  const { port } = stack.use(
    await startListener({
      name: 'tinyproxy',
      program: tinyproxyProgram,
      async prepare(port) {
        const file = path.join(folder, 'tinyproxy.conf')
        const lines = [
          `Port ${port}`,
          'Listen 127.0.0.1',
          'Timeout 60',
          'MaxClients 50',
          'Allow 127.0.0.1',
          `BasicAuth ${credentials.user} ${credentials.password}`,
          ...ports.map((one) => `ConnectPort ${one}`),
        ]
        await writeFile(file, lines.join('\n'))
        return { words: ['-d', '-c', file] }
      },
      isListening: ({ port }) => accepts(port),
    }),
  )
  const running = stack.move()
  return {
    proxy: { host: '127.0.0.1', port, credentials },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

const accepts = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
