import { generateKeyPairSync } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import type { FaultEffect } from '../../simulator/faults.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { systemClock } from '../../src/platform/net/clock.ts'
import { DeadlineAgent } from '../../src/push/fcm/deadline-agent.ts'
import {
  type AccessToken,
  type AccessTokens,
  buildAccessTokens,
} from '../../src/push/fcm/google-access-token.ts'

let simulator: Simulator
let agent: DeadlineAgent

/** Tokens of the simulator's service account, or of one that claims to be it with another key. */
async function theTokens(
  options: { lifeSeconds?: number; privateKey?: string; deadlineMs?: number } = {},
): Promise<AccessTokens> {
  const { lifeSeconds = 3599, privateKey, deadlineMs = 10_000 } = options
  simulator = await startSimulator({ accessTokenLifeSeconds: lifeSeconds })
  agent = new DeadlineAgent({ address: simulator.fcm, ca: [simulator.caPem], maxSockets: 8 })
  const account = simulator.credentials.fcm.serviceAccount
  const serviceAccount = privateKey ? { ...account, private_key: privateKey } : account
  return buildAccessTokens({ serviceAccount, agent, deadlineMs, clock: systemClock })
}

afterEach(async () => {
  agent.destroy()
  await simulator.close()
})

const fetches = (): number => simulator.log.exchanges({ provider: 'oauth' }).length
const textOf = (access: AccessToken): string => (access.kind === 'token' ? access.token : '')

describe('access tokens', () => {
  test('50 concurrent callers share one fetch, and later ones use the same token', async () => {
    const tokens = await theTokens()
    const first = await Promise.all(Array.from({ length: 50 }, () => tokens.current()))
    expect(new Set([...first, await tokens.current()].map(textOf)).size).toBe(1)
    expect(fetches()).toBe(1)
  })

  test('a refused token is replaced, once for all its callers', async () => {
    const tokens = await theTokens()
    const refusedToken = textOf(await tokens.current())
    for (let caller = 0; caller < 10; caller += 1) tokens.invalidate(refusedToken)
    const fresh = await Promise.all(Array.from({ length: 10 }, () => tokens.current()))
    tokens.invalidate(refusedToken)
    expect(new Set([...fresh, await tokens.current()].map(textOf)).size).toBe(1)
    expect(textOf(fresh[0] ?? (await tokens.current()))).not.toBe(refusedToken)
    expect(fetches()).toBe(2)
  })

  test('one that is about to expire is replaced, and still used when there is no other', async () => {
    const tokens = await theTokens({ lifeSeconds: 200 })
    const first = textOf(await tokens.current())
    expect(textOf(await tokens.current())).not.toBe(first)
    simulator.faults.add({ provider: 'oauth', kind: 'garbage', times: 'always' })
    const last = await tokens.current()
    expect(textOf(last)).not.toBe('')
    expect(fetches()).toBe(3)
  })

  test.each([
    [{ kind: 'reason', reason: 'invalid_grant' }, 'refused', /400 invalid_grant/],
    [{ kind: 'reason', reason: 'invalid_client', status: 401 }, 'refused', /401 invalid_client/],
    [{ kind: 'reason', reason: 'backend_error', status: 500 }, 'unreachable', /500/],
    [{ kind: 'garbage', status: 400 }, 'unreachable', /400/],
    [{ kind: 'garbage', status: 200 }, 'unreachable', /200/],
    [{ kind: 'empty_body', status: 200 }, 'unreachable', /200/],
    [{ kind: 'close_socket' }, 'unreachable', /./],
    [{ kind: 'refuse_connection' }, 'unreachable', /./],
  ] as [FaultEffect, AccessToken['kind'], RegExp][])(
    'after %j the answer is %s, and the next caller tries again',
    async (fault, kind, reason) => {
      const tokens = await theTokens()
      simulator.faults.add({ provider: 'oauth', ...fault })
      expect(await tokens.current()).toEqual({ kind, reason: expect.stringMatching(reason) })
      expect((await tokens.current()).kind).toBe('token')
    },
  )

  test('a token endpoint that does not answer is given up at the deadline', async () => {
    const tokens = await theTokens({ deadlineMs: 150 })
    simulator.faults.add({ provider: 'oauth', kind: 'stall' })
    expect((await tokens.current()).kind).toBe('unreachable')
    expect((await tokens.current()).kind).toBe('token')
  })

  test("one caller's own deadline does not end the fetch that others wait for", async () => {
    const tokens = await theTokens()
    simulator.faults.add({ provider: 'oauth', kind: 'delay', ms: 100 })
    const hasty = agent.within({ at: performance.now() + 20 }, () => tokens.current())
    const access = await Promise.all([hasty, tokens.current()])
    expect(access.map(({ kind }) => kind)).toEqual(['token', 'token'])
    expect(fetches()).toBe(1)
  })

  test("another account's key is refused, and no part of it is repeated", async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const tokens = await theTokens({ privateKey: pem })
    expect(await tokens.current()).toEqual({ kind: 'refused', reason: '400 invalid_grant' })
  })
})
