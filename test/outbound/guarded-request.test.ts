import { expect, test } from 'vitest'
import { buildEgressGuard } from '../../src/outbound/egress-guard.ts'
import { sendGuarded } from '../../src/outbound/guarded-request.ts'
import { startSink } from '../support/webhook-sink.ts'

test('a server that switches to another protocol ends the request', async () => {
  await using sink = await startSink()
  sink.answer(({ socket }) => {
    const switching = 'HTTP/1.1 101 Switching Protocols'
    socket?.write(`${switching}\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n`)
  })
  const guard = buildEgressGuard({ networks: ['127.0.0.0/8'], httpHosts: ['127.0.0.1'] })
  const request = {
    method: 'POST',
    url: sink.url,
    body: '{}',
    timeoutMs: 700,
    bytesMax: 10,
  } as const
  await expect(sendGuarded({ guard, ca: [] }, request)).rejects.toThrow('no answer')
})
