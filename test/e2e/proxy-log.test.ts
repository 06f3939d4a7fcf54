// The examples of docs/how-to/behind-a-proxy.md for nginx, run verbatim: no line of a log contains
// the secret of a link.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freePort, startListener } from '../support/ports.ts'
import { notRun, programOf } from '../support/programs.ts'
import { until } from '../support/until.ts'

const nginx = programOf('nginx')
const secret = 'CANARY'.padEnd(43, 'A')
/** More than the burst that the page allows. */
const callsOfEach = 24

/** The examples of the page: the settings of a proxy, and a log that omits secrets. */
const [wholeSettings = '', logSettings = ''] = [
  ...readFileSync(new URL('../../docs/how-to/behind-a-proxy.md', import.meta.url), 'utf8').matchAll(
    /```nginx\n([\s\S]*?)```/g,
  ),
].map(([, text = '']) => text)

/** What nginx needs besides the example, with everything that it writes in this folder. */
const around = (folder: string, http: string) => `
pid ${folder}/pid;
error_log ${folder}/error.log;
daemon off;
master_process off;
events {}
http {
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  ${http}
}`

type Settings = (folder: string, port: number, nobody: number) => string

/** The log of the example, in front of a port without a listener. */
const withLogSettings: Settings = (folder, port, nobody) => {
  const [sharedPart = '', location = ''] = logSettings.split(/^(?=location )/m)
  return `
  upstream countersign { server 127.0.0.1:${nobody}; }
  ${sharedPart.replace('/var/log/nginx/', `${folder}/`)}
  server {
    listen 127.0.0.1:${port};
    ${location}
    location / { proxy_pass http://countersign; }
  }`
}

/** The settings as they stand, with the log that nginx has by itself. */
const withWholeSettings: Settings = (folder, port, nobody) => `
  access_log ${folder}/countersign.log;
  ${wholeSettings.replace('127.0.0.1:8080', `127.0.0.1:${nobody}`).replace('443', `127.0.0.1:${port}`)}`

/** Calls paths with a secret through nginx, more often than its limits allow; returns its logs. */
async function logsOf(settings: Settings) {
  const folder = mkdtempSync(path.join(tmpdir(), 'countersign-nginx-'))
  const nobody = await freePort()
  const { port, [Symbol.asyncDispose]: stop } = await startListener({
    name: 'nginx',
    program: nginx ?? '',
    async prepare(port) {
      writeFileSync(`${folder}/nginx.conf`, around(folder, settings(folder, port, nobody)))
      return { words: ['-c', `${folder}/nginx.conf`, '-p', folder] }
    },
    // It is written after the port is bound.
    isListening: () => existsSync(`${folder}/pid`),
  })
  onTestFinished(async () => {
    await stop()
    rmSync(folder, { recursive: true })
  })
  const origin = `http://127.0.0.1:${port}`
  const link = `/t/tnt_01jv9z3k8we2tvn4qh6yrx7b5c/me/${secret}`
  for (const url of [
    link,
    `${link}?utm_source=mail`,
    `${link}/`,
    `/integrations/keycloak/int_01jv9z3k8we2tvn4qh6yrx7b5c/${secret}`,
  ]) {
    for (let times = 0; times < callsOfEach; times += 2) {
      for (const method of ['GET', 'POST']) await fetch(origin + url, { method })
    }
  }
  await fetch(`${origin}/v1/tenant`, { headers: { referer: origin + link } })
  const log = await until('the last call is logged', () => {
    const text = readFileSync(`${folder}/countersign.log`, 'utf8')
    return text.includes('/v1/tenant') ? text : undefined
  })
  // Browsers are instructed to send no referrer; a line quotes one that is sent anyway.
  const errors = readFileSync(`${folder}/error.log`, 'utf8').replace(/referrer: .*/g, '')
  return { log, errors }
}

describe.runIf(nginx)('nginx as the page has it', () => {
  test('logs each call and no secret, also while the service is unavailable', async () => {
    const { log, errors } = await logsOf(withLogSettings)
    expect(log.match(/"(?:GET|POST) \/\S+\[secret\]/g)).toHaveLength(4 * callsOfEach)
    expect(log).not.toContain('CANARY')
    expect(errors).not.toContain('CANARY')
  })

  test('logs no secret either with its own log and limits', async () => {
    const { log, errors } = await logsOf(withWholeSettings)
    expect(log.replace(/"http:[^"]*"/g, '')).not.toContain('CANARY')
    expect(errors).not.toContain('CANARY')
    expect(errors).toContain('/v1/tenant')
  })
})

if (!nginx) notRun('nginx', 'nginx-light')
