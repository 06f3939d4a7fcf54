// A real PgBouncer in front of a database, for the duration of a test.

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startListener } from './ports.ts'
import { programOf } from './programs.ts'

const program = programOf('pgbouncer')

/** Whether this machine has one. */
export const hasPgBouncer = program !== undefined

/**
 * Starts one that pools connections to the database of this address; further settings go to its own
 * section.
 */
export async function startPgBouncer(
  databaseUrl: string,
  settings: Readonly<Record<string, string | number>>,
): Promise<AsyncDisposable & { readonly url: string }> {
  await using stack = new AsyncDisposableStack()
  const target = new URL(databaseUrl)
  const [user, password] = [
    decodeURIComponent(target.username),
    decodeURIComponent(target.password),
  ]
  const name = target.pathname.slice(1)
  const host = target.searchParams.get('host') ?? target.hostname
  const folder = await mkdtemp(path.join(tmpdir(), 'cs-bouncer-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  // PgBouncer refuses to run as root, and only the account of the embedded server reaches its
  // socket.
  await chmod(folder, 0o755)
  await writeFile(path.join(folder, 'users'), `"${user}" "${password}"\n`)
  const { port } = stack.use(
    await startListener({
      name: 'PgBouncer',
      program: program ?? '',
      async prepare(port) {
        const own = { listen_addr: '127.0.0.1', listen_port: port, unix_socket_dir: '' }
        const users = { auth_type: 'plain', auth_file: path.join(folder, 'users') }
        const lines = Object.entries({ ...own, ...users, ...settings }).map(
          ([key, value]) => `${key} = ${value}`,
        )
        await writeFile(
          path.join(folder, 'ini'),
          `[databases]\n${name} = host=${host} port=${target.port || 5432}\n[pgbouncer]\n${lines.join('\n')}\n`,
        )
        const asRoot = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
        return { words: [...asRoot, path.join(folder, 'ini')] }
      },
      isListening: ({ output }) => output().includes('process up'),
    }),
  )
  const url = new URL(`postgresql://127.0.0.1:${port}/${name}`)
  url.username = target.username
  url.password = target.password
  const running = stack.move()
  return { url: url.href, [Symbol.asyncDispose]: () => running.disposeAsync() }
}
