// A whole service as a provider of OpenID Connect, with Entra and clients beside it, and without
// its page: a prompt ends here by the stores.

import { createHash, randomBytes, randomInt } from 'node:crypto'
import type { Logger } from 'pino'
import type { IntegrationId, PromptId, TenantId } from '../../src/domain/ids.ts'
import type { PromptOutcome } from '../../src/domain/prompt.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { buildIntegrationStore } from '../../src/doors/integrations.sql.ts'
import { buildEnrollmentStore } from '../../src/enrollments/enrollments.sql.ts'
import { buildHashing } from '../../src/platform/crypto/hashing.ts'
import { systemRandom as random } from '../../src/platform/crypto/random.ts'
import { buildSealing } from '../../src/platform/crypto/sealing.ts'
import { openDatabase } from '../../src/platform/postgres/database.ts'
import { answerClient } from '../../src/prompts/answer-client.ts'
import { buildOidcKeyStore } from '../../src/prompts/oidc/oidc-keys.sql.ts'
import { buildOidcSigning } from '../../src/prompts/oidc/oidc-signing.adapter.ts'
import { readOwnPrompt } from '../../src/prompts/own-prompt.ts'
import { buildPromptStore } from '../../src/prompts/prompts.sql.ts'
import { onServer } from './cluster.ts'
import { type EntraDouble, startEntraDouble } from './entra-double.ts'
import { type RunningService, startTestService } from './running-service.ts'

export const redirectUri = 'https://client.example/callback?from=us'

/** Parameters of a request, as a client writes them. */
export type Parameters = Readonly<Record<string, string>>

/** Where the browser is led, and with what. */
export type Led = {
  readonly status: number
  readonly location: string | null
  /** Of the prompt's cookie; null where none is set. */
  readonly secret: string | null
  readonly promptId: PromptId | null
  /** What a page posts to another site; null where there is none. */
  readonly posts: { readonly to: string; readonly fields: Parameters } | null
  readonly text: string
  readonly headers: Headers
}

const plainText = (text: string) =>
  text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&')

function formIn(text: string): Led['posts'] {
  const to = /<form method="post" action="([^"]*)"/.exec(text)?.[1]
  if (to === undefined) return null
  const fields = [...text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
  const members = fields.map(([, name = '', value = '']) => [name, plainText(value)] as const)
  return { to: plainText(to), fields: Object.fromEntries(members) }
}

async function ledBy(response: Response): Promise<Led> {
  const { status, headers } = response
  const location = headers.get('location')
  const cookie = headers.getSetCookie().find((one) => one.includes('countersign-prompt='))
  const text = await response.text()
  return {
    ...{ status, location, text, headers },
    secret: /countersign-prompt=([^;]*)/.exec(cookie ?? '')?.[1] ?? null,
    promptId: (/\/prompt\/(prm_\w+)$/.exec(location ?? '')?.[1] ?? null) as PromptId | null,
    posts: formIn(text),
  }
}

/** Proof key for code exchange (RFC 7636). */
export function pkce() {
  const verifier = randomBytes(32).toString('base64url')
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  return { verifier, code_challenge: challenge, code_challenge_method: 'S256' }
}

/** What a browser says that it takes; each is in a network of its own. */
const aBrowser = () => ({
  accept: 'text/html,application/xhtml+xml',
  'x-forwarded-for': `10.${randomInt(256)}.${randomInt(256)}.1`,
})

/** Starts all of it. */
export async function startProvider(log?: Logger) {
  const entra = await startEntraDouble()
  const service = await startTestService({ trustProxy: '127.0.0.1' }, log, {
    entraDiscoveryUrlOf: entra.discoveryUrlOf,
  })
  const { origin, api, key } = service
  const tenantId = service.tenantId as TenantId
  const relyingPartyId = (await api('GET', '/v1/relying-parties')).json.items[0].id
  const base = `${origin}/t/${tenantId}/oidc`
  const stores = openParts(service)

  async function create(settings: object, more: object = {}) {
    const body = { relyingPartyId, name: 'Payroll', settings, ...more }
    const creation = await api('POST', '/v1/integrations', body)
    if (creation.status !== 201) throw new Error(creation.text)
    return creation.json as { readonly id: IntegrationId; readonly secret: string }
  }

  const post = (path: string, form: Parameters | string, headers: Parameters = {}) =>
    fetch(`${base}/${path}`, {
      method: 'POST',
      body: new URLSearchParams(form),
      headers,
      redirect: 'manual',
    })

  return {
    ...{ entra, service, stores, origin, api, key, tenantId, relyingPartyId, base, create },
    post,
    /** A door for the double of Entra. */
    createEntraDoor: (settings: object = {}, more: object = {}) =>
      create({ kind: 'entra_external_mfa', ...bindingOf(entra), ...settings }, more),
    /** A client of the code flow; settings of its own come on top. */
    createClient: (settings: object = {}, more: object = {}) =>
      create({ kind: 'oidc_code', redirectUris: [redirectUri], ...settings }, more),
    /** The browser brings a form to the authorization endpoint. */
    bring: async (form: Parameters | string) => ledBy(await post('authorize', form, aBrowser())),
    /** The browser follows an address to the authorization endpoint. */
    follow: async (query: Parameters | string) => {
      const address = `${base}/authorize?${new URLSearchParams(query)}`
      return ledBy(await fetch(address, { redirect: 'manual', headers: aBrowser() }))
    },
    /** A call of the client, with its answer. */
    async call(path: 'token' | 'par', form: Parameters | string, headers: Parameters = {}) {
      const response = await post(path, form, headers)
      // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect.
      const json = (await response.json()) as any
      return { status: response.status, json, headers: response.headers }
    },
    /** How the prompt of this browser ends, and what the browser carries to the client. */
    async end({ promptId: id, secret }: Led, outcome: PromptOutcome = 'approved', amr = ['hwk']) {
      if (id === null || secret === null) throw new Error('no prompt was opened')
      const evidence = outcome === 'approved' ? { amr, verifiedAt: new Date() } : null
      await stores.prompts.end({ tenantId, id }, { outcome, evidence })
      const prompt = await readOwnPrompt(stores, { tenantId, id, secret })
      if (isRefusal(prompt)) throw new Error(prompt.refused)
      const answer = await answerClient(stores, prompt)
      if (isRefusal(answer)) throw new Error(answer.refused)
      return answer
    },
    /** Signs any payload with the key that signs now. */
    async sign(payload: object, alg: 'RS256' | 'ES256' = 'RS256') {
      const { keys } = await stores.oidcKeys.list(tenantId)
      const signer = keys.find((one) => one.alg === alg)
      if (!signer) throw new Error(`no key of ${alg}`)
      return stores.oidcSigning.sign(tenantId, signer, JSON.stringify(payload))
    },
    prompt: (id: PromptId | null) => stores.prompts.find(tenantId, id ?? ('' as PromptId)),
    sql: (text: string, values: readonly unknown[] = []) =>
      onServer(service.database.url, (client) => client.query(text, [...values])),
    async [Symbol.asyncDispose]() {
      await stores.database.close()
      await service[Symbol.asyncDispose]()
      await entra[Symbol.asyncDispose]()
    },
  }
}

export type Provider = Awaited<ReturnType<typeof startProvider>>

const bindingOf = ({ entraTenantId, applicationId }: EntraDouble) => ({
  entraTenantId,
  applicationId,
})

/** What ends a prompt and answers its client, on the database of the service. */
function openParts({ database: { url }, config, origin: publicOrigin }: RunningService) {
  const { current } = config.masterKeys
  if (current === null) throw new Error('the test service has a master key')
  const database = openDatabase({ url, maxConnections: 2 })
  const sealing = buildSealing({ current })
  return {
    ...{ database, publicOrigin, random, sealing },
    hashing: buildHashing(current),
    prompts: buildPromptStore(database),
    integrations: buildIntegrationStore(database, random),
    challenges: { find: async () => null },
    isUnavailable: () => false,
    enrollments: buildEnrollmentStore(database, random),
    userQueue: { run: async <T>(_user: object, _line: string, work: () => Promise<T>) => work() },
    signals: { publish: () => undefined },
    oidcKeys: buildOidcKeyStore(database, random),
    oidcSigning: buildOidcSigning(sealing, { now: () => new Date() }),
  }
}
