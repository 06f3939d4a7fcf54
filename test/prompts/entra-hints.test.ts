import { test as base, expect } from 'vitest'
import type { EntraBinding } from '../../src/domain/entra.ts'
import { buildEgressGuard } from '../../src/platform/net/egress-guard.ts'
import { buildEntraHints } from '../../src/prompts/oidc/entra-hints.adapter.ts'
import { type EntraDouble, type HintOptions, startEntraDouble } from '../support/entra-double.ts'

type Scene = {
  readonly entra: EntraDouble
  readonly verify: (options?: HintOptions, more?: Partial<EntraBinding>) => Promise<unknown>
}

const test = base.extend<{ scene: Scene }>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest reads the names of fixtures here.
  scene: async ({}, use) => {
    await using entra = await startEntraDouble()
    const guard = buildEgressGuard({ httpHosts: ['127.0.0.1'], networks: ['127.0.0.1/32'] })
    const hints = buildEntraHints({ guard, discoveryUrlOf: entra.discoveryUrlOf })
    const { entraTenantId, applicationId } = entra
    const binding = { cloud: 'global', entraTenantId, applicationId } as const
    await use({
      entra,
      verify: async (options, more) =>
        hints.verify(await entra.hint(options), { ...binding, ...more }),
    })
  },
})

test('the claims of a hint that a key of the cloud signed are read', async ({ scene }) => {
  expect(await scene.verify()).toMatchObject({ oid: scene.entra.objectId, ver: '2.0' })
  await scene.verify()
  // Both addresses once, for both hints.
  expect(scene.entra.fetches).toHaveLength(2)
})

test('each cloud has keys of its own', async ({ scene }) => {
  const cloud = 'china'
  expect(await scene.verify({ cloud }, { cloud })).toMatchObject({ oid: scene.entra.objectId })
  expect(scene.entra.fetches.every((url) => url.startsWith('/china/'))).toBe(true)
})

test('a hint that another key signed is refused', async ({ scene }) => {
  expect(await scene.verify({ forged: true })).toBe('refused')
})

test.for([
  ['of a key that nobody has', { header: { kid: 'ms-2' } }],
  ['without the name of a key', { header: { kid: '' } }],
] as const)('a hint %s is refused', async ([, options], { scene }) => {
  expect(await scene.verify(options)).toBe('refused')
})

test('a key of another tenant, or of nobody, signs no hint', async ({ scene }) => {
  const other = '00000000-0000-0000-0000-000000000000'
  scene.entra.publishIssuer(`https://login.microsoftonline.com/${other}/v2.0`)
  expect(await scene.verify()).toBe('refused')
})

test('a key that does not say whose it is signs no hint', async ({ scene }) => {
  scene.entra.publishIssuer(null)
  expect(await scene.verify()).toBe('refused')
})

test.for(['failing', 'elsewhere'] as const)(
  'keys that cannot be had (%s) are distinguished from a wrong hint, and looked for again',
  async (weather, { scene }) => {
    scene.entra.setWeather(weather)
    expect(await scene.verify()).toBe('unreachable')
    scene.entra.setWeather('fair')
    expect(await scene.verify()).toMatchObject({ oid: scene.entra.objectId })
  },
)

test('text that is no hint is refused before anything is fetched', async ({ scene }) => {
  const { entra } = scene
  const guard = buildEgressGuard({ httpHosts: ['127.0.0.1'], networks: ['127.0.0.1/32'] })
  const hints = buildEntraHints({ guard, discoveryUrlOf: entra.discoveryUrlOf })
  const { entraTenantId, applicationId } = entra
  const binding = { cloud: 'global', entraTenantId, applicationId } as const
  const genuine = await entra.hint()
  const none = Buffer.from('{"alg":"none","kid":"ms-1"}').toString('base64url')
  const texts = ['', 'a.b.c', `${none}.e30.`, `${genuine}${'a'.repeat(8192)}`]
  for (const text of texts) expect(await hints.verify(text, binding)).toBe('refused')
  expect(entra.fetches).toEqual([])
})
