import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/platform/net/clock.ts'
import { buildBoundedProvider } from '../../src/push/bounded-provider.adapter.ts'
import type { PushMessage, PushResult } from '../../src/push/push.store.ts'
import { aPush, recordingLog } from './push-gateway.ts'

const acceptance = { kind: 'accepted', providerMessageId: '1' } as const

function aProvider(attempt: (message: PushMessage) => Promise<PushResult>, deadlineMs = 60_000) {
  const log = recordingLog()
  const calls = { unanswered: 0, close: 0 }
  const provider = buildBoundedProvider({
    maxInFlight: 1,
    deadlineMs,
    clock: systemClock,
    log,
    attempt,
    onTimeout: () => {
      calls.unanswered += 1
    },
    close: async () => {
      calls.close += 1
    },
  })
  return { provider, log, calls }
}

describe('every push provider', () => {
  test('answers with a result even when the library throws, and logs the result and not the error', async () => {
    const error = Object.assign(new Error('broken\n\u001b[31m'), { config: 'Bearer ya29.secret' })
    const { provider, log } = aProvider(() => Promise.reject(error))
    const result = await provider.send(aPush())
    expect(result).toEqual({ kind: 'retry', reason: 'unexpected: broken [31m' })
    expect(log.output()).not.toContain('ya29')
  })

  test('answers when the challenge expires, even if no response ever arrives', async () => {
    const { provider, calls } = aProvider(() => new Promise(() => undefined))
    const result = await provider.send(aPush({ expiresAt: new Date(Date.now() + 30) }))
    expect(result).toEqual({ kind: 'retry', reason: expect.stringMatching(/timeout/) })
    expect(calls.unanswered).toBe(1)
  })

  test('calls its push service down only after a send that had the whole time', async () => {
    const down = { kind: 'retry', reason: 'timeout: no answer in time', down: true } as const
    const { provider } = aProvider(async () => down, 60_000)
    const late = aPush({ expiresAt: new Date(Date.now() + 50_000) })
    expect(await provider.send(late)).toEqual({ kind: 'retry', reason: down.reason })
    const early = aPush({ expiresAt: new Date(Date.now() + 90_000) })
    expect(await provider.send(early)).toEqual(down)
  })

  test.each([new Date(0), new Date(Number.NaN)])(
    'begins nothing for a challenge that ends at %s',
    async (expiresAt) => {
      let attempts = 0
      const { provider } = aProvider(async () => {
        attempts += 1
        return acceptance
      })
      expect((await provider.send(aPush({ expiresAt }))).kind).toBe('rejected')
      expect(attempts).toBe(0)
    },
  )

  test.each([
    [acceptance, 'info'],
    [{ kind: 'token_gone', reason: 'r', since: new Date(0) }, 'info'],
    [{ kind: 'retry', reason: 'r' }, 'warn'],
    [{ kind: 'rejected', reason: 'r' }, 'warn'],
    [{ kind: 'misconfigured', reason: 'r' }, 'error'],
  ] as const)('logs %j once, as %s, and names the token by a hash only', async (result, level) => {
    const { provider, log } = aProvider(async () => result)
    const message = aPush()
    await provider.send(message)
    expect(log.lines).toEqual([
      {
        level,
        message: `push ${result.kind}`,
        fields: expect.objectContaining({
          result,
          deliveryId: message.deliveryId,
          tokenHash: expect.stringMatching(/^[0-9a-f]{12}$/),
        }),
      },
    ])
    expect(log.output()).not.toContain(message.address.token)
  })

  test('closes once, however often it is drained, and after the last answer', async () => {
    const { promise, resolve } = Promise.withResolvers<PushResult>()
    const { provider, calls } = aProvider(() => promise)
    const sending = provider.send(aPush())
    const draining = [provider.drain(), provider.drain()]
    expect(calls.close).toBe(0)
    resolve(acceptance)
    await Promise.all(draining)
    expect(await sending).toEqual(acceptance)
    expect(calls.close).toBe(1)
  })
})
