// A stranger who sends requests that nobody signed without end.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { unsignedRequestsPerMinute } from '../../src/prompts/oidc/authorize.routes.ts'
import { openPrompts, type PromptScene } from './prompt-scene.ts'

let scene: PromptScene
beforeAll(async () => {
  scene = await openPrompts()
})
afterAll(() => scene[Symbol.asyncDispose]())

test('fills no table: the client learns it, and what somebody signed goes on', async () => {
  const clientId = await scene.ofBareHints()
  const entraId = await scene.ofEntra()
  const { origin, tenantId } = scene.service
  const send = async () => {
    const query = new URLSearchParams(scene.bareRequest(clientId, scene.stranger()))
    const address = `${origin}/t/${tenantId}/oidc/authorize?${query}`
    return (await fetch(address, { redirect: 'manual' })).headers.get('location') ?? ''
  }
  // Two minutes may have begun meanwhile; never three.
  let sendsLeft = 2 * unsignedRequestsPerMinute + 1
  const refusals: string[] = []
  const goOn = async () => {
    while (refusals.length === 0 && sendsLeft-- > 0) {
      const location = await send()
      if (!location.startsWith('/t/')) refusals.push(location)
    }
  }
  await Promise.all(Array.from({ length: 16 }, goOn))
  const { origin: target, searchParams } = new URL(refusals[0] ?? '')
  expect(target).toBe('https://client.example')
  expect([searchParams.get('error'), searchParams.get('state')]).toEqual([
    'temporarily_unavailable',
    's',
  ])
  const [row] = await scene.query<{ n: number }>('select count(*)::int as n from prompts')
  expect(row?.n).toBeLessThanOrEqual(2 * unsignedRequestsPerMinute)
  const { browser, path } = await scene.begin(entraId)
  expect((await browser.read(path)).status).toBe(200)
})
