// While the keys of Entra do not come, what waits for them holds nobody else up.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEntraDouble } from '../support/entra-double.ts'
import { startTestService } from '../support/running-service.ts'

/** Takes calls, and answers none. */
async function startSilence() {
  const server = createServer(() => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    calls: server,
    close: () => server.closeAllConnections(),
  }
}

let silence: Awaited<ReturnType<typeof startSilence>>
let entra: Awaited<ReturnType<typeof startEntraDouble>>
let service: Awaited<ReturnType<typeof startTestService>>
beforeAll(async () => {
  silence = await startSilence()
  entra = await startEntraDouble()
  service = await startTestService({ trustProxy: '127.0.0.1' }, undefined, {
    entraDiscoveryUrlOf: () => silence.url,
  })
})
afterAll(async () => {
  silence.close()
  silence.calls.close()
  await service[Symbol.asyncDispose]()
  await entra[Symbol.asyncDispose]()
})

test('calls of other networks go on', async () => {
  const { api, origin, tenantId } = service
  const { entraTenantId, applicationId } = entra
  const relyingPartyId = (await api('GET', '/v1/relying-parties')).json.items[0].id
  const settings = { kind: 'entra_external_mfa', entraTenantId, applicationId }
  const { id } = (await api('POST', '/v1/integrations', { relyingPartyId, name: 'x', settings }))
    .json
  const from = (network: number) => ({ 'x-forwarded-for': `198.51.${network}.1` })
  const firstCall = new Promise((resolve) => silence.calls.once('request', resolve))
  const arrivals = await Promise.all(
    Array.from({ length: 6 }, async (_, network) => {
      const body = new URLSearchParams(entra.form({ clientId: id, hint: await entra.hint() }))
      return fetch(`${origin}/t/${tenantId}/oidc/authorize`, {
        ...{ method: 'POST', body, headers: from(network), redirect: 'manual' },
      })
    }).concat(
      firstCall.then(() => fetch(`${origin}/t/${tenantId}/oidc/jwks`, { headers: from(99) })),
    ),
  )
  const keys = arrivals.pop()
  expect([keys?.status, keys?.url]).toEqual([200, `${origin}/t/${tenantId}/oidc/jwks`])
  // Those who cannot be served learn at once that it may pass.
  for (const arrival of arrivals) expect(await arrival.text()).toContain('temporarily_unavailable')
})
