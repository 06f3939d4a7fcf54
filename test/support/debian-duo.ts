// login_duo and pam_duo 1.11.3 as Debian ships them, unmodified: on a terminal, over TLS, with
// settings alone.

import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { AuthApiDoor, startTlsLine } from './auth-api.ts'
import { until } from './until.ts'

/** Settings of a client in addition to where and as whom it calls, as in login_duo(8). */
export type ClientSettings = Readonly<Record<string, string>>

export type Client = {
  /** All that it has printed so far. */
  readonly output: () => string
  /** Waits until it has printed this, and types a line. */
  readonly answer: (prompt: RegExp, line: string) => Promise<void>
  /** Its exit status. */
  readonly exit: Promise<number | null>
}

export type Machine = {
  /** A sign-in by login_duo, which runs `echo LOGGED-IN` once it lets the person in. */
  login(
    user: string,
    settings?: ClientSettings,
    how?: { readonly terminal?: boolean; readonly env?: Readonly<Record<string, string>> },
  ): Promise<Client>
  /** A sign-in by pam_duo in a PAM stack of its own, for a user of this machine. */
  authenticate(user: string, settings?: ClientSettings): Promise<Client>
  [Symbol.asyncDispose](): Promise<void>
}

function follow(child: ChildProcess): Client {
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (bytes) => {
      output += bytes
    })
  }
  let answeredTo = 0
  return {
    output: () => output,
    exit: new Promise((resolve) => child.once('close', resolve)),
    async answer(prompt, line) {
      await until(`it prints ${prompt}`, () => prompt.test(output.slice(answeredTo)))
      answeredTo = output.length
      child.stdin?.write(`${line}\n`)
    },
  }
}

const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

/** A machine whose settings name this integration, and this authority as the only one. */
export async function createMachine(
  { port, caPem }: Pick<Awaited<ReturnType<typeof startTlsLine>>, 'port' | 'caPem'>,
  { integrationKey, secret }: Pick<AuthApiDoor, 'integrationKey' | 'secret'>,
  loginDuo: string,
): Promise<Machine> {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(path.join(tmpdir(), 'debian-duo-'))
  stack.defer(() => rm(folder, { recursive: true }))
  const cafile = path.join(folder, 'ca.pem')
  await writeFile(cafile, caPem)
  // Without the bit that makes it root's, it takes a file of settings and a user.
  const program = path.join(folder, 'login_duo')
  await copyFile(loginDuo, program)
  await chmod(program, 0o755)
  const running = new Set<ChildProcess>()
  stack.defer(() => {
    for (const child of running) child.kill('SIGKILL')
  })
  let files = 0

  async function configure(settings: ClientSettings): Promise<string> {
    const file = path.join(folder, `${++files}.conf`)
    const all: ClientSettings = {
      ...{ host: `localhost:${port}`, ikey: integrationKey, skey: secret, cafile },
      failmode: 'secure',
      ...settings,
    }
    const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`)
    await writeFile(file, `[duo]\n${lines.join('\n')}\n`, { mode: 0o600 })
    return file
  }

  function start(command: readonly string[], terminal: boolean, env = {}): Client {
    const [name = '', ...parameters] = terminal
      ? ['script', '-qfec', command.map(quote).join(' '), '/dev/null']
      : command
    const child = spawn(name, parameters, { env: { PATH: process.env.PATH, ...env } })
    running.add(child)
    return follow(child)
  }

  const cleanUp = stack.move()
  return {
    async login(user, settings = {}, { terminal = true, env = {} } = {}) {
      const config = await configure(settings)
      const where = ['-d', '-c', config, '-f', user, '-h', '203.0.113.7']
      return start([program, ...where, 'echo LOGGED-IN'], terminal, env)
    },
    async authenticate(user, settings = {}) {
      // PAM makes the names of services lower case.
      const service = path.basename(folder).toLowerCase()
      const file = path.join('/etc/pam.d', service)
      const module = `auth required pam_duo.so conf=${await configure(settings)}`
      await writeFile(file, `${module}\naccount required pam_permit.so\n`)
      const client = start(
        ['pamtester', '-I', 'rhost=203.0.113.7', service, user, 'authenticate'],
        true,
      )
      void client.exit.then(() => rm(file, { force: true }))
      cleanUp.defer(() => rm(file, { force: true }))
      return client
    },
    [Symbol.asyncDispose]: () => cleanUp.disposeAsync(),
  }
}
