// A client sends the browser to us: its request is read, and opens a prompt.

import { isEntraRedirectUri, readHint } from '../../domain/entra.ts'
import type { PromptId, TenantId } from '../../domain/ids.ts'
import { oidcIssuerOf } from '../../domain/issuer.ts'
import {
  entraRequestFault,
  isRequestFault,
  namedSubject,
  type OauthError,
  type Parameters,
  type RequestFault,
  readCodeRequest,
  readCommonRequest,
  returnedState,
  signedPartOf,
} from '../../domain/oidc-request.ts'
import { type PromptRequest, promptSeconds, type ResponseMode } from '../../domain/prompt.ts'
import { redirectUrisOf } from '../../domain/prompt-settings.ts'
import { isRefusal, type Refusal, refuse } from '../../domain/refusal.ts'
import { mapUserName } from '../../domain/user-name.ts'
import type { IntegrationUsage } from '../../doors/integration.store.ts'
import type { Clock, Hashing, Random } from '../../platform/world.ts'
import type { PromptStore } from '../prompt.store.ts'
import type { ArrivingBrowser, TooMany } from './arriving-browser.ts'
import type { EntraHints } from './entra-hint.store.ts'
import { type FindClientDependencies, findPromptClient, type PromptClient } from './find-client.ts'
import {
  type ReadRequestDependencies,
  readClientRequest,
  type SaidBy,
} from './read-client-request.ts'

export type Dependencies = FindClientDependencies &
  ReadRequestDependencies & {
    readonly prompts: Pick<PromptStore, 'open'>
    readonly entraHints: EntraHints
    readonly integrationUsage: Pick<IntegrationUsage, 'recordUse' | 'recordFailure'>
    readonly random: Pick<Random, 'id' | 'token'>
    readonly hashing: Pick<Hashing, 'sha256'>
    readonly clock: Clock
    /** Whether an error says that the database cannot be reached at the moment. */
    readonly isUnavailable: (error: unknown) => boolean
  }

/** Where an answer, or an error, is to go. */
export type ReturnAddress = Pick<PromptRequest, 'redirectUri' | 'responseMode' | 'state'>

export type Authorization =
  | {
      readonly kind: 'opened'
      readonly promptId: PromptId
      /** For the browser to keep; null where an earlier request opened the prompt. */
      readonly secret: string | null
    }
  /** The client learns it by its own redirect URI. */
  | {
      readonly kind: 'error'
      readonly to: ReturnAddress
      readonly fault: RequestFault
      readonly issuerParameter: IssuerParameter
    }

/** Who answers a client of the code flow, so that no other provider's answer is mistaken for it. */
export type IssuerParameter = { readonly iss?: string }

/** Why the request is answered by a page: there is nobody to tell. */
export type AuthorizationRefusal = Refusal<
  'integration_invalid' | 'integration_paused' | 'redirect_uri_unknown' | 'too_many_requests'
>

/** Who is to be asked, and whether the client itself vouches for it. */
type Person = Pick<PromptRequest, 'subject' | 'displayName' | 'isBound'> & {
  readonly userName: string | null
  /** What counts once: a request that was signed for one sign-in. */
  readonly hint: string | null
}

const fault = (error: OauthError, description: string): RequestFault => ({ error, description })

/** Nobody but the person whom the request names can be the answer to it (Core, 3.1.2.2). */
const otherPerson = fault('login_required', 'the request names more than one person')

/** Anybody can make one: without a limit they fill the table. */
const tooManyUnsigned = fault('temporarily_unavailable', 'too many requests of this network')

/**
 * Opens a prompt for what a client asks. A request whose client or redirect URI is not one of ours
 * is refused, and never redirected anywhere; of whatever else is wrong the client is notified. A
 * hint, a pushed and a signed request open one prompt: an equal request comes back to it, and the
 * page goes on in the browser that began it alone. While the database cannot be reached, the client
 * is notified where its address is known: that of Entra always is. Otherwise this rejects.
 */
export async function authorize(
  dependencies: Dependencies,
  tenantId: TenantId,
  sentParameters: Parameters,
  browser: ArrivingBrowser,
): Promise<Authorization | AuthorizationRefusal> {
  try {
    return await authorizeClient(dependencies, tenantId, sentParameters, browser)
  } catch (error) {
    const { redirect_uri: redirectUri = sentParameters.redirect_url ?? '' } = sentParameters
    if (!isEntraRedirectUri(redirectUri) || !dependencies.isUnavailable(error)) throw error
    const state = returnedState(sentParameters)
    const to = { redirectUri, responseMode: 'form_post', state } as const
    return { kind: 'error', to, fault: databaseLost, issuerParameter: {} }
  }
}

const databaseLost = fault('temporarily_unavailable', 'the database cannot be reached')

async function authorizeClient(
  dependencies: Dependencies,
  tenantId: TenantId,
  sentParameters: Parameters,
  browser: ArrivingBrowser,
): Promise<Authorization | AuthorizationRefusal> {
  const arrival = await browser.inTurn(async () => {
    const client = await findPromptClient(dependencies, tenantId, sentParameters.client_id)
    if (isRefusal(client)) return client
    return { client, request: await readClientRequest(dependencies, client, sentParameters) }
  })
  if (isRefusal(arrival)) return arrival
  const { client, request } = arrival
  const { parameters } = request
  const redirectUri = redirectUriOf(client, parameters)
  if (redirectUri === undefined) return recordRefusal(dependencies, client)
  const to = returnAddressOf(client, parameters, redirectUri)
  const opening = isRequestFault(request.by)
    ? request.by
    : await open(dependencies, client, { parameters, redirectUri, by: request.by }, browser).catch(
        (error: unknown) => {
          if (dependencies.isUnavailable(error)) return databaseLost
          throw error
        },
      )
  if (!isRefusal(opening) && isRequestFault(opening)) {
    dependencies.integrationUsage.recordFailure(client.integration, opening.error)
    const issuerParameter = issuerParameterOf(dependencies, client)
    return { kind: 'error', to, fault: opening, issuerParameter }
  }
  return opening
}

/** `iss` (RFC 9207), in errors too; to Entra goes what its documentation names. */
export function issuerParameterOf(
  { publicOrigin }: Pick<Dependencies, 'publicOrigin'>,
  { settings, integration }: Pick<PromptClient, 'settings' | 'integration'>,
): IssuerParameter {
  const iss = oidcIssuerOf(publicOrigin, integration.tenantId)
  return settings.kind === 'oidc_code' ? { iss } : {}
}

function recordRefusal(
  { integrationUsage }: Pick<Dependencies, 'integrationUsage'>,
  { integration }: PromptClient,
): Refusal<'redirect_uri_unknown'> {
  integrationUsage.recordFailure(integration, 'redirect_uri_unknown')
  return refuse('redirect_uri_unknown')
}

/** The registered address that the request names, letter by letter. */
function redirectUriOf({ settings }: PromptClient, parameters: Parameters): string | undefined {
  // Entra's documentation spells the parameter in both ways.
  const { redirect_uri: uri = parameters.redirect_url } = parameters
  return redirectUrisOf(settings).find((one) => one === uri)
}

function returnAddressOf(
  { settings }: PromptClient,
  parameters: Parameters,
  redirectUri: string,
): ReturnAddress {
  const { response_mode: mode } = parameters
  const isPosted = settings.kind === 'entra_external_mfa' || mode === 'form_post'
  const responseMode: ResponseMode = isPosted ? 'form_post' : 'query'
  return { redirectUri, responseMode, state: returnedState(parameters) }
}

type ReadRequest = {
  readonly parameters: Parameters
  readonly redirectUri: string
  readonly by: SaidBy
}

async function open(
  dependencies: Dependencies,
  client: PromptClient,
  { parameters, redirectUri, by }: ReadRequest,
  browser: ArrivingBrowser,
): Promise<Authorization | RequestFault | TooMany> {
  const isEntra = client.settings.kind === 'entra_external_mfa'
  const common = readCommonRequest(parameters, isEntra)
  if (isRequestFault(common)) return common
  const shape = shapeOf(client, parameters)
  if (isRequestFault(shape)) return shape
  const person = await personOf(dependencies, client, { parameters, by }, browser)
  if (isRequestFault(person)) return person
  const { state, nonce, acr, askedMethods, askedSubject, languages } = common
  if (askedSubject !== null && askedSubject !== person.subject) return otherPerson
  if (!person.isBound && !browser.mayOpenUnsigned()) return tooManyUnsigned
  const { userName, hint, ...named } = person
  const request = { redirectUri, ...shape, state, nonce, acr, askedMethods, ...named }
  const { random, hashing, prompts, integrationUsage } = dependencies
  const { tenantId, id: integrationId } = client.integration
  const [id, secret] = [random.id('prompt'), random.token(32)]
  const requestHash = hashing.sha256(JSON.stringify(request))
  const newPrompt = {
    ...{ tenantId, id, integrationId, request, requestHash, userName },
    browserHash: hashing.sha256(secret),
    hintHash: hint === null ? null : hashing.sha256(hint),
    language: browser.language(languages),
    seconds: promptSeconds,
  }
  const outcome = await browser.inTurn(() => prompts.open(newPrompt))
  if (outcome !== 'done' && isRefusal(outcome)) return outcome
  if (outcome === 'done') {
    integrationUsage.recordUse(client.integration)
    return { kind: 'opened', promptId: id, secret }
  }
  const { earlier } = outcome
  if (!isSame(earlier.requestHash, requestHash)) {
    return fault('invalid_request', 'what says who is asked was used before')
  }
  return { kind: 'opened', promptId: earlier.id, secret: null }
}

const isSame = (one: Uint8Array, other: Uint8Array) => Buffer.from(one).equals(Buffer.from(other))

type Shape = Pick<PromptRequest, 'responseType' | 'responseMode' | 'codeChallenge'>

function shapeOf({ settings }: PromptClient, parameters: Parameters): Shape | RequestFault {
  if (settings.kind === 'entra_external_mfa') {
    const wrong = entraRequestFault(parameters)
    return wrong ?? { responseType: 'id_token', responseMode: 'form_post', codeChallenge: null }
  }
  const code = readCodeRequest(parameters)
  return isRequestFault(code) ? code : { responseType: 'code', ...code }
}

async function personOf(
  dependencies: Dependencies,
  { settings, integration }: PromptClient,
  { parameters, by: { reference } }: Pick<ReadRequest, 'parameters' | 'by'>,
  browser: ArrivingBrowser,
): Promise<Person | RequestFault> {
  if (settings.kind === 'entra_external_mfa') {
    const { id_token_hint: hint } = parameters
    if (hint === undefined) return fault('invalid_request', 'id_token_hint is missing')
    const person = await browser.inHintTurn(integration, () =>
      personOfHint(dependencies, settings, hint),
    )
    return isRefusal(person) ? tooManyHints : person
  }
  if (reference === null && !settings.bareLoginHintAllowed) {
    return fault('invalid_request', 'push the request (PAR), or sign it: login_hint alone is weak')
  }
  const { login_hint: subject } = parameters
  if (subject === undefined || subject.length > subjectLengthMax) {
    return fault('invalid_request', 'login_hint must say who is asked')
  }
  const { id_token_hint: hint } = parameters
  if (hint !== undefined && namedSubject(hint) !== subject) return otherPerson
  const userName = mapUserName(integration.userNames, subject) ?? null
  const isBound = reference !== null
  return { subject, displayName: subject, isBound, userName, hint: reference }
}

const subjectLengthMax = 255
const tooManyHints = fault('temporarily_unavailable', 'too many hints wait to be verified')

async function personOfHint(
  { entraHints, clock }: Pick<Dependencies, 'entraHints' | 'clock'>,
  settings: Extract<PromptClient['settings'], { kind: 'entra_external_mfa' }>,
  hint: string,
): Promise<Person | RequestFault> {
  const claims = await entraHints.verify(hint, settings)
  if (claims === 'unreachable') {
    return fault('temporarily_unavailable', 'the keys of Entra cannot be fetched')
  }
  if (claims === 'refused') return fault('invalid_request', 'id_token_hint is not of this tenant')
  const person = readHint(claims, settings, clock.now())
  if (typeof person === 'string') return fault('invalid_request', `id_token_hint: ${person}`)
  const { subject, displayName, objectId: userName } = person
  return { subject, displayName, userName, isBound: true, hint: signedPartOf(hint) }
}
