// The example of docs/how-to/behind-a-proxy.md for nginx, run verbatim: no line of a log contains
// the secret of a link.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { notRun, programOf } from '../support/programs.ts'
import { freePort } from '../support/running-service.ts'
import { until } from '../support/until.ts'

const nginx = programOf('nginx')
const secret = 'CANARY'.padEnd(43, 'A')

/**
 * The example, with the folder of this test instead of the log's, in front of a port without a
 * listener.
 */
function settings(folder: string, port: number, nobody: number): string {
  const page = readFileSync(new URL('../../docs/how-to/behind-a-proxy.md', import.meta.url), 'utf8')
  const example = [...page.matchAll(/```nginx\n([\s\S]*?)```/g)]
    .map(([, text = '']) => text)
    .find((text) => text.includes('$logged_uri'))
  if (!example) throw new Error('the page has no example')
  const [sharedPart = '', location = ''] = example.split(/^(?=location )/m)
  return `
pid ${folder}/pid;
error_log ${folder}/error.log;
daemon off;
events {}
http {
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  upstream countersign { server 127.0.0.1:${nobody}; }
  ${sharedPart.replace('/var/log/nginx/', `${folder}/`)}
  server {
    listen 127.0.0.1:${port};
    ${location}
    location / { proxy_pass http://countersign; }
  }
}`
}

describe.runIf(nginx)('nginx as the page has it', () => {
  test('logs each call and no secret, also while the service is unavailable', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'countersign-nginx-'))
    const [port, nobody] = [await freePort(), await freePort()]
    writeFileSync(`${folder}/nginx.conf`, settings(folder, port, nobody))
    const running = spawn(nginx ?? '', ['-c', `${folder}/nginx.conf`, '-p', folder])
    onTestFinished(async () => {
      const exit = once(running, 'exit')
      running.kill('SIGTERM')
      await exit
      rmSync(folder, { recursive: true })
    })
    const origin = `http://127.0.0.1:${port}`
    await until('nginx answers', () =>
      fetch(origin).then(
        () => true,
        () => undefined,
      ),
    )
    const link = `/t/tnt_01jv9z3k8we2tvn4qh6yrx7b5c/me/${secret}`
    for (const url of [
      link,
      `${link}?utm_source=mail`,
      `${link}/`,
      `/integrations/keycloak/int_01jv9z3k8we2tvn4qh6yrx7b5c/${secret}`,
    ]) {
      for (const method of ['GET', 'POST']) await fetch(origin + url, { method })
    }
    await fetch(`${origin}/v1/tenant`, { headers: { referer: origin + link } })
    const log = await until('the last call is logged', () => {
      const text = readFileSync(`${folder}/countersign.log`, 'utf8')
      return text.includes('/v1/tenant') ? text : undefined
    })
    expect(log.match(/"(?:GET|POST) \/\S+\[secret\]/g)).toHaveLength(8)
    expect(log).not.toContain('CANARY')
    // Browsers are instructed to send no referrer; an error line quotes one that is sent anyway.
    expect(readFileSync(`${folder}/error.log`, 'utf8').replace(/referrer: .*/g, '')).not.toContain(
      'CANARY',
    )
  })
})

if (!nginx) notRun('nginx', 'nginx-light')
