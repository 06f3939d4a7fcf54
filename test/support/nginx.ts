import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { programOf } from './programs.ts'
import { freePort } from './running-service.ts'
import { until } from './until.ts'

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
  const folder = await mkdtemp(path.join(tmpdir(), 'cs-nginx-'))
  const port = await freePort()
  const file = path.join(folder, 'nginx.conf')
  await writeFile(
    file,
    `daemon off;
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
`,
  )
  const child = spawn(nginxProgram, ['-c', file, '-e', path.join(folder, 'error.log')])
  let output = ''
  child.stderr.on('data', (data) => {
    output += data
  })
  let over = false
  const exit = new Promise<void>((resolve) =>
    child.once('close', () => {
      over = true
      resolve()
    }),
  )
  const origin = `http://127.0.0.1:${port}`
  await until('nginx listens', async () => {
    if (over) throw new Error(`nginx ended: ${output}`)
    return fetch(origin).then(
      () => true,
      () => false,
    )
  })
  return {
    origin,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exit
      await rm(folder, { recursive: true })
    },
  }
}

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
