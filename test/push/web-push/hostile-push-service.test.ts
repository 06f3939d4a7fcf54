// What a push service answers is from outside: it goes into the log and the database.

import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { createTlsCredentials } from '../../../simulator/certificates.ts'
import { aPushTo, directSender, vapidKey } from './browser-pushes.ts'

type Answer = { readonly status: number; readonly headers?: Record<string, string>; body?: string }

/** What a sender makes of this answer of Apple's push service. */
async function sendTo({ status, headers = {}, body = '' }: Answer) {
  const { caPem, certificatePem, keyPem } = await createTlsCredentials()
  const server = createServer({ cert: certificatePem, key: keyPem }, (request, response) => {
    request.resume().once('end', () => response.writeHead(status, headers).end(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const provider = directSender({ address: { host: '127.0.0.1', port }, ca: [caPem] })
  const auth = Buffer.alloc(16).toString('base64url')
  const endpoint = 'https://web.push.apple.com/a'
  try {
    return await provider.send(aPushTo({ endpoint, keys: { p256dh: vapidKey, auth } }))
  } finally {
    await provider.drain()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

test('the name of a message is kept as plain text of bounded length', async () => {
  const result = await sendTo({ status: 201, headers: { 'apns-id': `\u00e9${'a'.repeat(4_000)}` } })
  expect(result).toEqual({ kind: 'accepted', providerMessageId: ` ${'a'.repeat(199)}` })
})

test.each([
  ['a text', 400, 'x\n\u001b[31m\u202e'.repeat(200)],
  ['JSON', 400, JSON.stringify({ reason: 'x\n\u001b[31m\u202e'.repeat(30), errno: 1 })],
  ['JSON that is no object', 500, 'null'],
  ['JSON whose members are no texts', 429, JSON.stringify({ reason: { toString: 1 }, errno: [] })],
])(
  'a reason is plain text of bounded length, whatever the body is: %s',
  async (_, status, body) => {
    const result = await sendTo({ status, body })
    if (result.kind === 'accepted') throw new Error('it is refused')
    expect(result.reason).toMatch(/^[\x20-\x7e]{1,200}$/)
    expect(result.reason.startsWith(String(status))).toBe(true)
  },
)

test.each([
  ['999999999', 3_600_000],
  ['Fri, 31 Dec 9999 23:59:59 GMT', 3_600_000],
  ['Fri, 31 Dec 1999 23:59:59 GMT', 0],
  ['-1', 0],
  ['soon', undefined],
])('Retry-After %s means a wait of %s ms', async (after, afterMs) => {
  const result = await sendTo({ status: 429, headers: { 'retry-after': after } })
  expect(result).toEqual({
    kind: 'retry',
    reason: '429',
    ...(afterMs !== undefined && { afterMs }),
  })
})
