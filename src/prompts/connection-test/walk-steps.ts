// The steps that a walk proves, for Entra and for clients of the code flow.

import {
  type ConnectionStep,
  failed,
  type StepReason,
  skipped,
  stepOf,
} from '../../domain/connection-test.ts'
import { oidcIssuerOf } from '../../domain/issuer.ts'
import { isRequestFault, type Parameters } from '../../domain/oidc-request.ts'
import type { PromptSettings } from '../../domain/prompt-settings.ts'
import { isRefusal } from '../../domain/refusal.ts'
import type { StoredIntegration } from '../../doors/integration.store.ts'
import { answerClient } from '../answer-client.ts'
import { authorize } from '../oidc/authorize.ts'
import type { EntraHints } from '../oidc/entra-hint.store.ts'
import { exchangeCode } from '../oidc/exchange-code.ts'
import { findPromptClient } from '../oidc/find-client.ts'
import type { OidcJwk } from '../oidc/oidc-key.store.ts'
import { pushRequest } from '../oidc/push-request.ts'
import type { ConnectionProbes } from './connection-test.store.ts'
import { openWalk, type Walk, type WalkDependencies, walkAgeMs } from './walk.ts'

type SettingsOf<Kind extends PromptSettings['kind']> = Extract<
  PromptSettings,
  { readonly kind: Kind }
>

/** What is walked, and the keys that a client reads. */
export type WalkTarget = {
  readonly storedIntegration: StoredIntegration
  readonly keys: readonly OidcJwk[]
}

/** Nobody can be led there: the name is reserved (RFC 2606, 2). */
const strangeUri = 'https://connection-test.invalid/'
/** Of the walk's client; nothing checks it. */
const address = '127.0.0.1'

function lead({ dependencies }: Walk, target: WalkTarget, parameters: Parameters) {
  const { tenantId } = target.storedIntegration.integration
  return authorize(dependencies, tenantId, parameters, () => 'en')
}

type Outcome = Awaited<ReturnType<typeof authorize>>

const isOpened = (outcome: Outcome) => !isRefusal(outcome) && outcome.kind === 'opened'

const requestFault = (outcome: Outcome): StepReason | undefined =>
  isOpened(outcome) ? undefined : 'refused'

async function redirectStep(walk: Walk, target: WalkTarget, parameters: Parameters) {
  const outcome = await lead(walk, target, { ...parameters, redirect_uri: strangeUri })
  const isRefused = isRefusal(outcome) && outcome.refused === 'redirect_uri_unknown'
  return stepOf('redirect_uri', isRefused ? undefined : 'accepted')
}

/** What the client gets of a prompt as if a person had approved it. */
async function answerOf({ dependencies, id, approve }: Walk, target: WalkTarget) {
  const prompt = approve()
  const { tenantId } = target.storedIntegration.integration
  const client = await findPromptClient(dependencies, tenantId, id)
  if (!prompt || isRefusal(client)) return undefined
  const own = { prompt, client, state: 'over', number: null, question: null } as const
  const answer = await answerClient(dependencies, own)
  return isRefusal(answer) ? undefined : answer
}

/** What Entra would see, walked with a double of it. */
export async function entraWalkSteps(
  given: WalkDependencies & { readonly entraHints: EntraHints },
  probes: ConnectionProbes,
  target: WalkTarget,
  settings: SettingsOf<'entra_external_mfa'>,
): Promise<readonly ConnectionStep[]> {
  const double = await probes.createEntraDouble(settings)
  const walk = openWalk(given, target.storedIntegration, { settings, entraHints: double.hints })
  const now = given.clock.now()
  const forged = await double.form({ clientId: walk.id, isForged: true, now })
  const isForgeryRefused = !isOpened(await lead(walk, target, forged))
  const form = await double.form({ clientId: walk.id, isForged: false, now })
  const request = stepOf('request', requestFault(await lead(walk, target, form)))
  return [
    request,
    stepOf('forged_request', isForgeryRefused ? undefined : 'accepted'),
    await redirectStep(walk, target, form),
    request.result === 'passed'
      ? await entraAnswerStep(given, probes, { walk, target, double })
      : skipped('answer', 'needs_other_step'),
  ]
}

type EntraWalk = {
  readonly walk: Walk
  readonly target: WalkTarget
  readonly double: Awaited<ReturnType<ConnectionProbes['createEntraDouble']>>
}

async function entraAnswerStep(
  { clock, publicOrigin }: WalkDependencies,
  { isTokenValid }: ConnectionProbes,
  { walk, target, double }: EntraWalk,
): Promise<ConnectionStep> {
  const { id_token: token } = (await answerOf(walk, target))?.parameters ?? {}
  if (token === undefined) return failed('answer', 'answer_invalid')
  const { subject, nonce, acrValues } = double
  const isValid = await isTokenValid({
    ...{ token, keys: target.keys, algorithm: 'RS256' },
    issuer: oidcIssuerOf(publicOrigin, target.storedIntegration.integration.tenantId),
    at: new Date(clock.now().getTime() - walkAgeMs),
    expectations: { clientId: walk.id, subject, nonce, acrValues, hasOneMethod: true },
  })
  return stepOf('answer', isValid ? undefined : 'answer_invalid')
}

/**
 * Whether the service as it runs takes what the double signed: no test hands its key to it, so that
 * the answer must be no. It also shows whether the keys of the cloud can be had.
 */
export async function entraKeySteps(
  { entraHints, clock }: { readonly entraHints: EntraHints } & Pick<WalkDependencies, 'clock'>,
  probes: ConnectionProbes,
  settings: SettingsOf<'entra_external_mfa'>,
): Promise<readonly ConnectionStep[]> {
  const double = await probes.createEntraDouble(settings)
  const form = await double.form({ clientId: '', isForged: false, now: clock.now() })
  const claims = await entraHints.verify(form.id_token_hint ?? '', settings)
  if (claims === 'unreachable') {
    return [failed('entra_cloud', 'unreachable'), skipped('foreign_key', 'needs_other_step')]
  }
  const isRefused = claims === 'refused'
  return [
    stepOf('entra_cloud', undefined),
    stepOf('foreign_key', isRefused ? undefined : 'accepted'),
  ]
}

const basicOf = (id: string, secret: string) => `Basic ${btoa(`${id}:${secret}`)}`

/** How the double proves who it is, in the way that the settings name. */
async function credentialsOf(
  { clock, publicOrigin }: WalkDependencies,
  walk: Walk,
  { storedIntegration }: WalkTarget,
  double: Awaited<ReturnType<ConnectionProbes['createClientDouble']>>,
  way: SettingsOf<'oidc_code'>['clientAuthentication'],
): Promise<{ readonly authorization: string | undefined; readonly form: Parameters }> {
  if (way === 'client_secret_basic') {
    return { authorization: basicOf(walk.id, walk.secret), form: {} }
  }
  if (way === 'client_secret_post') {
    return { authorization: undefined, form: { client_secret: walk.secret } }
  }
  const issuer = oidcIssuerOf(publicOrigin, storedIntegration.integration.tenantId)
  const claims = { clientId: walk.id, issuer, now: clock.now() }
  return { authorization: undefined, form: await double.assertion(claims) }
}

/** What a client of the code flow would see, walked with a double of it. */
export async function codeWalkSteps(
  given: WalkDependencies,
  probes: ConnectionProbes,
  target: WalkTarget,
  ownSettings: SettingsOf<'oidc_code'>,
): Promise<readonly ConnectionStep[]> {
  const double = await probes.createClientDouble()
  const settings = { ...ownSettings, jwks: [double.publicJwk] }
  const entraHints: EntraHints = { verify: async () => 'refused' }
  const walk = openWalk(given, target.storedIntegration, { settings, entraHints })
  const { tenantId } = target.storedIntegration.integration
  const call = async (parameters: Parameters) => {
    const way = settings.clientAuthentication
    const { authorization, form } = await credentialsOf(given, walk, target, double, way)
    return {
      tenantId,
      authorization,
      address,
      form: { client_id: walk.id, ...form, ...parameters },
    }
  }
  const [verifier, subject, nonce] = [43, 9, 9].map((length) => given.random.token(length))
  const parameters: Parameters = {
    ...{ client_id: walk.id, scope: 'openid', response_type: 'code' },
    redirect_uri: settings.redirectUris[0] ?? '',
    ...{ nonce: String(nonce), login_hint: `connection-test-${subject}` },
    code_challenge: given.hashing.sha256Base64Url(String(verifier)),
    code_challenge_method: 'S256',
  }
  const reference = await pushRequest(walk.dependencies, await call(parameters))
  const isPushed = !isRefusal(reference) && !isRequestFault(reference)
  const requestUri = isPushed ? reference.requestUri : ''
  const brought = { client_id: walk.id, request_uri: requestUri }
  const forged = await codeForgeries(walk, target, parameters, settings)
  const redirect = await redirectStep(walk, target, parameters)
  const request = stepOf('request', requestFault(await lead(walk, target, brought)))
  if (request.result !== 'passed') {
    return [request, forged, redirect, skipped('answer', 'needs_other_step')]
  }
  const { code = '', iss } = (await answerOf(walk, target))?.parameters ?? {}
  const exchange = async (code_verifier: string) => {
    const { redirect_uri = '' } = parameters
    const form = { grant_type: 'authorization_code', code, redirect_uri, code_verifier }
    return exchangeCode(walk.dependencies, await call(form))
  }
  const strange = await exchange(given.random.token(43))
  const tokens = await exchange(String(verifier))
  const isExchanged = 'error' in strange && 'idToken' in tokens
  const issuer = oidcIssuerOf(given.publicOrigin, tenantId)
  const isValid =
    isExchanged &&
    iss === issuer &&
    (await probes.isTokenValid({
      ...{ token: tokens.idToken, keys: target.keys, algorithm: settings.idTokenAlgorithm, issuer },
      at: new Date(given.clock.now().getTime() - walkAgeMs),
      expectations: {
        ...{ clientId: walk.id, subject: parameters.login_hint ?? '', nonce: String(nonce) },
        ...{ acrValues: null, hasOneMethod: false },
      },
    }))
  return [request, forged, redirect, stepOf('answer', isValid ? undefined : 'answer_invalid')]
}

/** A reference that nobody pushed, and a name that nobody signed unless the settings permit it. */
async function codeForgeries(
  walk: Walk,
  target: WalkTarget,
  parameters: Parameters,
  { bareLoginHintAllowed }: SettingsOf<'oidc_code'>,
): Promise<ConnectionStep> {
  const request_uri = 'urn:ietf:params:oauth:request_uri:none'
  const unpushed = await lead(walk, target, { ...parameters, request_uri })
  const bare = await lead(walk, target, parameters)
  const isSound = !isOpened(unpushed) && isOpened(bare) === bareLoginHintAllowed
  return stepOf('forged_request', isSound ? undefined : 'accepted')
}

/** Whether the service as it runs takes what another key signed than the client's. */
export async function clientKeySteps(
  { clientTokens, clock, publicOrigin }: WalkDependencies,
  probes: ConnectionProbes,
  { storedIntegration: { integration } }: Pick<WalkTarget, 'storedIntegration'>,
  { jwks }: SettingsOf<'oidc_code'>,
): Promise<readonly ConnectionStep[]> {
  const { id, tenantId } = integration
  const issuer = oidcIssuerOf(publicOrigin, tenantId)
  const double = await probes.createClientDouble()
  const { client_assertion: token = '' } = await double.assertion({
    ...{ clientId: id, issuer, now: clock.now() },
  })
  const claims = await clientTokens.verify(token, { id, jwks, audiences: [issuer] })
  return [stepOf('foreign_key', claims === 'refused' ? undefined : 'accepted')]
}
