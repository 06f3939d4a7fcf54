// What a client of the code flow would see of an integration, walked with a double of it.

import { type ConnectionStep, skippedStep, stepOf } from '../../domain/connection-test.ts'
import { oidcIssuerOf } from '../../domain/issuer.ts'
import { isRequestFault, type Parameters } from '../../domain/oidc-request.ts'
import { isRefusal } from '../../domain/refusal.ts'
import type { EntraHints } from '../oidc/entra-hint.store.ts'
import { exchangeCode } from '../oidc/exchange-code.ts'
import { pushRequest } from '../oidc/push-request.ts'
import type { ClientDouble, ConnectionProbes } from './connection-test.store.ts'
import { openWalk, type Walk, type WalkDependencies, walkAgeMs } from './walk.ts'
import {
  answerOf,
  isOpened,
  lead,
  redirectStep,
  requestFault,
  type SettingsOf,
  type WalkTarget,
} from './walk-steps.ts'

type CodeSettings = SettingsOf<'oidc_code'>
type CodeWalk = {
  readonly walk: Walk
  readonly target: WalkTarget
  readonly settings: CodeSettings
  readonly double: ClientDouble
  /** Of its request. */
  readonly parameters: Parameters
  /** What proves to the token endpoint that the request was its own (RFC 7636). */
  readonly verifier: string
}

/** Of the double; nothing checks it. */
const address = '127.0.0.1'
const noHints: EntraHints = { verify: async () => 'refused' }

async function openCodeWalk(
  dependencies: WalkDependencies,
  probes: ConnectionProbes,
  target: WalkTarget,
  ownSettings: CodeSettings,
): Promise<CodeWalk> {
  const { random, hashing } = dependencies
  const double = await probes.createClientDouble()
  const settings = { ...ownSettings, jwks: [double.publicJwk] }
  const client = { settings, entraHints: noHints }
  const walk = openWalk(dependencies, target.storedIntegration, client)
  const verifier = random.token(43)
  const parameters: Parameters = {
    ...{ client_id: walk.id, scope: 'openid', response_type: 'code', nonce: random.token(9) },
    redirect_uri: settings.redirectUris[0] ?? '',
    login_hint: `connection-test-${random.token(9)}`,
    code_challenge: hashing.sha256Base64Url(verifier),
    code_challenge_method: 'S256',
  }
  return { walk, target, settings, double, parameters, verifier }
}

const basicOf = (id: string, secret: string) => `Basic ${btoa(`${id}:${secret}`)}`

/** A call of the double, which proves who it is in the way that the settings name. */
async function callOf(
  { clock, publicOrigin }: WalkDependencies,
  { walk, target, settings, double }: CodeWalk,
  parameters: Parameters,
) {
  const { tenantId } = target.storedIntegration.integration
  const { clientAuthentication: way } = settings
  const claims = {
    ...{ clientId: walk.id, issuer: oidcIssuerOf(publicOrigin, tenantId), now: clock.now() },
  }
  const proof = {
    client_secret_basic: async () => ({}),
    client_secret_post: async () => ({ client_secret: walk.secret }),
    private_key_jwt: () => double.assertion(claims),
  }
  const authorization = way === 'client_secret_basic' ? basicOf(walk.id, walk.secret) : undefined
  const form: Parameters = { client_id: walk.id, ...(await proof[way]()), ...parameters }
  return { tenantId, authorization, address, form }
}

/** A request that is pushed, forged ones, and the code as its client exchanges it. */
export async function codeWalkSteps(
  dependencies: WalkDependencies,
  probes: ConnectionProbes,
  target: WalkTarget,
  ownSettings: CodeSettings,
): Promise<readonly ConnectionStep[]> {
  const codeWalk = await openCodeWalk(dependencies, probes, target, ownSettings)
  const { walk, parameters } = codeWalk
  const call = await callOf(dependencies, codeWalk, parameters)
  const reference = await pushRequest(walk.dependencies, call)
  const isPushed = !isRefusal(reference) && !isRequestFault(reference)
  const request_uri = isPushed ? reference.requestUri : ''
  const forgedStep = await codeForgeries(codeWalk)
  const redirect = await redirectStep(walk, target, parameters)
  const outcome = await lead(walk, target, { client_id: walk.id, request_uri })
  const request = stepOf('request', requestFault(outcome))
  const answer =
    request.result === 'passed'
      ? await codeAnswerStep(dependencies, probes, codeWalk)
      : skippedStep('answer', 'needs_other_step')
  return [request, forgedStep, redirect, answer]
}

async function codeAnswerStep(
  dependencies: WalkDependencies,
  probes: ConnectionProbes,
  codeWalk: CodeWalk,
): Promise<ConnectionStep> {
  const { walk, target, settings, parameters, verifier } = codeWalk
  const { redirect_uri = '', login_hint: subject = '', nonce = '' } = parameters
  const { code = '', iss } = (await answerOf(walk, target))?.parameters ?? {}
  const exchange = async (code_verifier: string) => {
    const form = { grant_type: 'authorization_code', code, redirect_uri, code_verifier }
    return exchangeCode(walk.dependencies, await callOf(dependencies, codeWalk, form))
  }
  const strangeTokens = await exchange(dependencies.random.token(43))
  const tokens = await exchange(verifier)
  const { tenantId } = target.storedIntegration.integration
  const issuer = oidcIssuerOf(dependencies.publicOrigin, tenantId)
  if (!('error' in strangeTokens) || !('idToken' in tokens) || iss !== issuer) {
    return stepOf('answer', 'answer_invalid')
  }
  const isValid = await probes.isTokenValid({
    ...{ token: tokens.idToken, keys: target.keys, algorithm: settings.idTokenAlgorithm, issuer },
    at: new Date(dependencies.clock.now().getTime() - walkAgeMs),
    expectations: { clientId: walk.id, subject, nonce, acrValues: null, hasOneMethod: false },
  })
  return stepOf('answer', isValid ? undefined : 'answer_invalid')
}

/** A reference that nobody pushed, and a name that nobody signed unless the settings permit it. */
async function codeForgeries({
  walk,
  target,
  parameters,
  settings,
}: CodeWalk): Promise<ConnectionStep> {
  const request_uri = 'urn:ietf:params:oauth:request_uri:none'
  const unpushedOutcome = await lead(walk, target, { ...parameters, request_uri })
  const bare = await lead(walk, target, parameters)
  const isSound = !isOpened(unpushedOutcome) && isOpened(bare) === settings.bareLoginHintAllowed
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
