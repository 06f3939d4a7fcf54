import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort, startListener } from './ports.ts'
import { programOf } from './programs.ts'

/** Where nginx is; undefined on a machine without it. */
export const nginxProgram = programOf('nginx')

export type Nginx = AsyncDisposable & { readonly origin: string }

const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
/** Settings by which nginx writes into this folder only: elsewhere only root may. */
const placesIn = (folder: string) =>
  temporary.map((name) => `  ${name}_temp_path ${folder}/${name};`).join('\n')

/**
 * nginx at its defaults in front of these ports; it counts one failure and then skips an upstream
 * for 10 s, unless these parameters of each upstream say otherwise.
 */
export async function startNginx(upstreams: readonly number[], parameters = ''): Promise<Nginx> {
  if (nginxProgram === undefined) throw new Error('there is no nginx on this machine')
  const program = nginxProgram
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(path.join(tmpdir(), 'cs-nginx-'))
  stack.defer(() => rm(folder, { recursive: true }))
  const { port } = stack.use(
    await startListener({
      name: 'nginx',
      program,
      async prepare(port) {
        const file = path.join(folder, 'nginx.conf')
        await writeFile(file, configuration(folder, port, upstreams, parameters))
        return { words: ['-c', file, '-e', path.join(folder, 'error.log')] }
      },
      // It is written after the port is bound.
      isListening: () => existsSync(path.join(folder, 'pid')),
    }),
  )
  const running = stack.move()
  return {
    origin: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

const configuration = (
  folder: string,
  port: number,
  upstreams: readonly number[],
  parameters: string,
) => `daemon off;
master_process off;
pid ${folder}/pid;
error_log ${folder}/error.log;
events {}
http {
  access_log off;
${placesIn(folder)}
  upstream countersign {
${upstreams.map((one) => `    server 127.0.0.1:${one} ${parameters};`).join('\n')}
  }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://countersign; }
  }
}
`

/**
 * The errors of nginx for these settings of its `http` block; empty when it accepts them. It tries
 * their ports as well, and so gets a free one instead of 443, which takes root.
 */
export async function faultsOfSettings(settings: string): Promise<string> {
  if (nginxProgram === undefined) throw new Error('there is no nginx on this machine')
  const folder = await mkdtemp(path.join(tmpdir(), 'cs-nginx-'))
  const file = path.join(folder, 'nginx.conf')
  const log = path.join(folder, 'error.log')
  const http = settings.replace('listen 443;', `listen ${await freePort()};`)
  await writeFile(
    file,
    `pid ${folder}/pid;
events {}
http {
  access_log ${folder}/access.log;
${placesIn(folder)}
${http}}
`,
  )
  const child = spawn(nginxProgram, ['-t', '-q', '-c', file, '-e', log])
  let output = ''
  child.stderr.on('data', (data) => {
    output += data
  })
  await new Promise((resolve) => child.once('close', resolve))
  await rm(folder, { recursive: true })
  return output
}
