// Where clients of OpenID Connect send browsers.

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { TenantId } from '../../domain/ids.ts'
import { pageLanguage } from '../../domain/language.ts'
import { readParameters } from '../../domain/oidc-request.ts'
import { isRefusal } from '../../domain/refusal.ts'
import type { Bound } from '../../platform/bound.ts'
import { type Admission, networkOf } from '../../platform/http/admission.ts'
import { formMediaType, parseFormsOnly } from '../../platform/http/form-body.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { nothing, publicOperation } from '../../platform/http/operation.ts'
import { pageLanguageOf } from '../../platform/http/pages/page-language.ts'
import { sendProblemPage, sendRefusalPage } from '../../platform/http/pages/problem-page.ts'
import { pageText } from '../../platform/http/schemas/text.ts'
import { buildMinuteLimit, type MinuteLimit } from '../../platform/net/minute-limit.ts'
import { languages } from '../../platform/texts/texts.ts'
import { sendClientAnswer } from '../page/client-answer.http.ts'
import { promptCookie, promptPath } from '../page/prompt-cookie.http.ts'
import type * as useCases from '../use-cases.ts'
import { oidcFormBytesMax } from './oidc.routes.ts'
import { parameters, queryParameters, tenantParams } from './oidc.schemas.ts'

type UseCases = Bound<typeof useCases>

type Options = AuthorizeOptions & { readonly unsignedRequests: MinuteLimit }

/** Prompts that requests which nobody signed open for one network in a minute, in one process. */
export const unsignedRequestsPerMinute = 600

export type AuthorizeOptions = {
  readonly useCases: Pick<UseCases, 'authorize'>
  readonly admission: Pick<Admission, 'lookUp' | 'lookUpToken'>
  readonly publicOrigin: string
}

const path = '/t/:tenantId/oidc/authorize'
const about = {
  tag: 'integrations',
  description:
    'Opens a prompt and leads the browser to its page. A request of an unknown client, or for a ' +
    'redirect URI that is not registered, is answered by a page and leads nowhere.',
  params: tenantParams,
  querystring: queryParameters,
  answers: {
    200: {
      description: 'A page that posts an error to the client.',
      schema: pageText,
      type: 'text/html',
    },
    303: nothing('To the page of the prompt, or back to the client with an error.'),
  },
  refusals: [
    'integration_invalid',
    'integration_paused',
    'redirect_uri_unknown',
    'too_many_requests',
  ],
} as const

/** The authorization endpoint (OpenID Connect Core, 3.1.2.1), by GET and by POST. */
export function authorizeRoutes(app: HttpApp, plain: AuthorizeOptions, done: () => void): void {
  const unsignedRequests = buildMinuteLimit(unsignedRequestsPerMinute, () => performance.now())
  const options = { ...plain, unsignedRequests }
  parseFormsOnly(app, oidcFormBytesMax)
  app.get(
    path,
    publicOperation({
      ...about,
      operationId: 'authorizeByQuery',
      summary: 'Send a browser to be asked',
    }),
    (request, reply) => authorize(options, request, request.query, reply),
  )
  app.post(
    path,
    publicOperation({
      ...about,
      operationId: 'authorizeByForm',
      summary: 'Send a browser to be asked, by a form',
      consumes: [formMediaType],
      body: parameters,
    }),
    (request, reply) => authorize(options, request, request.body, reply),
  )
  done()
}

async function authorize(
  { useCases, admission, publicOrigin, unsignedRequests }: Options,
  request: FastifyRequest<{ Params: { tenantId: TenantId } }>,
  fields: object,
  reply: FastifyReply,
) {
  const sentParameters = readParameters(fields)
  if (sentParameters === undefined) return sendProblemPage(reply, 'invalid_request')
  const { tenantId } = request.params
  const outcome = await useCases.authorize(tenantId, sentParameters, {
    // Each opens a prompt of its own.
    inTurn: (work) => admission.lookUp(request.ip, ['oidc', 'authorize', request.id], work),
    inHintTurn: ({ id: integration }, work) =>
      admission.lookUpToken({ tenantId, integration }, work),
    language: (tags) => languageOf(request, tags),
    mayOpenUnsigned: () => unsignedRequests.take(networkOf(request.ip)),
  })
  if (isRefusal(outcome)) return sendRefusalPage(reply, outcome)
  if (outcome.kind === 'error') {
    const { error, description: error_description } = outcome.fault
    const { to, issuerParameter } = outcome
    const answer = { to, parameters: { error, error_description, ...issuerParameter } }
    return sendClientAnswer(reply, answer, pageLanguageOf(request))
  }
  const { promptId, secret } = outcome
  if (secret !== null) {
    const { name, options } = promptCookie(publicOrigin, tenantId, promptId)
    reply.setCookie(name, secret, options)
  }
  return reply.header('cache-control', 'no-store').redirect(promptPath(tenantId, promptId), 303)
}

/** What the client asks for (`ui_locales`), else what the browser prefers. */
function languageOf(request: FastifyRequest, tags: readonly string[]) {
  return pageLanguage({ uiLocales: tags.join(' ') }, languages) ?? pageLanguageOf(request)
}
