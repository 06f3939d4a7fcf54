// The receiver of docs/webhooks.md, run as it stands but for its port and the client's place.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { Webhook } from 'standardwebhooks'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../support/ports.ts'
import { startProgram } from '../support/service-process.ts'
import { until } from '../support/until.ts'

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const body = JSON.stringify({ type: 'challenge.denied', timestamp: '', data: { version: 1 } })

test('the receiver of the page keeps each signed event once, and refuses every other', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'cs-receiver-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const page = await readFile('docs/webhooks.md', 'utf8')
  const [, example = ''] = /```js\n([\s\S]*?)```/.exec(page) ?? []
  const port = await freePort()
  const client = pathToFileURL(path.resolve('clients/typescript/src/client.ts')).href
  const file = path.join(folder, 'receiver.mjs')
  await writeFile(file, example.replace('@countersign/client', client).replace('8766', `${port}`))
  await using receiver = startProgram([file], { WEBHOOK_SECRET: secret })
  const send = async (id: string, text: string, signature: string, at = new Date()) => {
    const timestamp = String(Math.floor(at.getTime() / 1000))
    const webhook = {
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': signature,
    }
    const response = await fetch(`http://localhost:${port}/`, {
      method: 'POST',
      body: text,
      headers: { 'content-type': 'application/json', ...webhook },
    })
    return response.status
  }
  const signatureOf = (id: string, at = new Date()) => new Webhook(secret).sign(id, at, body)
  await until('the receiver answers', () => send('evt_0', body, '').catch(() => undefined))
  for (const _ of [1, 2]) expect(await send('evt_1', body, signatureOf('evt_1'))).toBe(204)
  const old = new Date(Date.now() - 6 * 60_000)
  expect(await send('evt_2', body, signatureOf('evt_2', old), old)).toBe(400)
  expect(await send('evt_3', `${body} `, signatureOf('evt_3'))).toBe(400)
  expect(await send('evt_4', body, signatureOf('evt_1'))).toBe(400)
  expect(await send('evt_5', body, signatureOf('evt_5'))).toBe(204)
  await until('both events are kept', () => receiver.stdout().split('\n').length > 2)
  expect(receiver.stdout()).toBe('challenge.denied { version: 1 }\n'.repeat(2))
  expect(receiver.stderr()).toBe('')
})
