// What exists in the memory of a test alone counts for nothing outside of it.

import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildHashing } from '../../src/platform/crypto/hashing.ts'
import { systemRandom } from '../../src/platform/crypto/random.ts'
import { buildSealing } from '../../src/platform/crypto/sealing.ts'
import { systemClock as clock } from '../../src/platform/net/clock.ts'
import { buildEgressGuard } from '../../src/platform/net/egress-guard.ts'
import { clientKeySteps, codeWalkSteps } from '../../src/prompts/connection-test/code-walk.ts'
import { buildConnectionProbes } from '../../src/prompts/connection-test/connection-probes.adapter.ts'
import type { TokenCheck } from '../../src/prompts/connection-test/connection-test.store.ts'
import { entraKeySteps, entraWalkSteps } from '../../src/prompts/connection-test/entra-walk.ts'
import { buildClientTokens } from '../../src/prompts/oidc/client-tokens.adapter.ts'
import { publishOidcKeys } from '../../src/prompts/oidc/oidc-keys.ts'
import { type Provider, startProvider } from '../support/provider.ts'

let provider: Provider
beforeAll(async () => {
  provider = await startProvider()
})
afterAll(() => provider[Symbol.asyncDispose]())

/** What a walk is dependencies, as the service gives it, with what a test looks at. */
async function prepare(id: Awaited<ReturnType<Provider['createClient']>>['id']) {
  const { stores, origin, tenantId, entra } = provider
  const { current } = provider.service.config.masterKeys
  if (current === null) throw new Error('the test service has a master key')
  const checks: TokenCheck[] = []
  const forms: Readonly<Record<string, string>>[] = []
  /** Runs while the walk is not over. */
  const onToken: (() => Promise<void>)[] = []
  const probes = buildConnectionProbes({
    ...{ publicOrigin: origin, discoveryUrlOf: entra.discoveryUrlOf },
    guard: buildEgressGuard(provider.service.config.issuers),
  })
  const watchingProbes = {
    ...probes,
    async createEntraDouble(binding: Parameters<typeof probes.createEntraDouble>[0]) {
      const double = await probes.createEntraDouble(binding)
      return {
        ...double,
        async form(request: Parameters<typeof double.form>[0]) {
          const form = await double.form(request)
          forms.push(form)
          return form
        },
      }
    },
    async isTokenValid(check: TokenCheck) {
      checks.push(check)
      for (const act of onToken) await act()
      return probes.isTokenValid(check)
    },
  }
  const dependencies = {
    ...{ oidcKeys: stores.oidcKeys, oidcSigning: stores.oidcSigning, publicOrigin: origin },
    ...{ clock, random: systemRandom, clientTokens: buildClientTokens(clock) },
    hashing: buildHashing(current),
    sealing: buildSealing({ current }),
    entraHints: { verify: async () => 'unreachable' as const },
  }
  const storedIntegration = await stores.integrations.findStored({ id })
  if (!storedIntegration) throw new Error('no integration')
  // As a client that reads discovery has them made.
  await fetch(`${provider.base}/jwks`)
  const keys = await publishOidcKeys(stores, tenantId)
  return {
    dependencies,
    probes: watchingProbes,
    target: { storedIntegration, keys },
    checks,
    forms,
    onToken,
  }
}

const results = (steps: readonly { readonly step: string; readonly result: string }[]) =>
  Object.fromEntries(steps.map(({ step, result }) => [step, result]))
const whole = { request: 'passed', forged_request: 'passed', redirect_uri: 'passed' }

test('the hint of a walk, brought to the service in the middle of it, is refused', async () => {
  const { id } = await provider.createEntraDoor()
  const walk = await prepare(id)
  const { settings } = walk.target.storedIntegration.integration
  if (settings.kind !== 'entra_external_mfa') throw new Error(settings.kind)
  const led: unknown[] = []
  walk.onToken.push(async () => {
    for (const form of walk.forms) led.push((await provider.bring(form)).posts?.fields.error)
  })
  const steps = await entraWalkSteps(walk.dependencies, walk.probes, walk.target, settings)
  expect(results(steps)).toEqual({ ...whole, answer: 'passed' })
  expect(led).toEqual(['invalid_request', 'invalid_request'])
})

test('the ID token of a walk has expired a day before it exists, and names nobody', async () => {
  const { id } = await provider.createEntraDoor()
  const walk = await prepare(id)
  const { settings } = walk.target.storedIntegration.integration
  if (settings.kind !== 'entra_external_mfa') throw new Error(settings.kind)
  await entraWalkSteps(walk.dependencies, walk.probes, walk.target, settings)
  const client = await provider.createClient({ clientAuthentication: 'client_secret_basic' })
  const other = await prepare(client.id)
  const { settings: own } = other.target.storedIntegration.integration
  if (own.kind !== 'oidc_code') throw new Error(own.kind)
  const steps = await codeWalkSteps(other.dependencies, other.probes, other.target, own)
  expect(results(steps)).toEqual({ ...whole, answer: 'passed' })
  const tokens = [...walk.checks, ...other.checks].map(({ token }) => decodeJwt(token))
  expect(tokens).toHaveLength(2)
  for (const { exp, sub } of tokens) {
    expect(exp).toBeLessThan(Date.now() / 1000 - 23 * 60 * 60)
    expect(sub).toMatch(/^connection-test-/)
  }
})

test('a token by a key that is not published is no answer', async () => {
  const { id } = await provider.createEntraDoor()
  const { dependencies, probes, target } = await prepare(id)
  const { settings } = target.storedIntegration.integration
  if (settings.kind !== 'entra_external_mfa') throw new Error(settings.kind)
  const steps = await entraWalkSteps(dependencies, probes, { ...target, keys: [] }, settings)
  expect(results(steps)).toEqual({ ...whole, answer: 'failed' })
})

test('what a walk pushes is stored nowhere', async () => {
  const client = await provider.createClient({ clientAuthentication: 'client_secret_post' })
  const { dependencies, probes, target } = await prepare(client.id)
  const { settings } = target.storedIntegration.integration
  if (settings.kind !== 'oidc_code') throw new Error(settings.kind)
  expect(results(await codeWalkSteps(dependencies, probes, target, settings))).toMatchObject(whole)
  const { rows } = await provider.sql(
    `select (select count(*) from pushed_requests)::int as pushed,
       (select count(*) from prompts)::int as prompts`,
  )
  expect(rows).toEqual([{ pushed: 0, prompts: 0 }])
})

test('a service that took what a double signed would fail the test', async () => {
  const { id } = await provider.createEntraDoor()
  const { dependencies, probes, target } = await prepare(id)
  const { settings } = target.storedIntegration.integration
  if (settings.kind !== 'entra_external_mfa') throw new Error(settings.kind)
  const entraHints = { verify: async () => ({ sub: 'anybody' }) }
  const trusting = { ...dependencies, entraHints }
  const steps = await entraKeySteps(trusting, probes, settings)
  expect(results(steps)).toEqual({ entra_cloud: 'passed', foreign_key: 'failed' })
  const client = await provider.createClient({ clientAuthentication: 'client_secret_post' })
  const other = await prepare(client.id)
  const { settings: own } = other.target.storedIntegration.integration
  if (own.kind !== 'oidc_code') throw new Error(own.kind)
  const clientTokens = { verify: async () => ({ sub: client.id }) }
  const parts = { ...other.dependencies, clientTokens }
  expect(results(await clientKeySteps(parts, probes, other.target, own))).toEqual({
    foreign_key: 'failed',
  })
})
