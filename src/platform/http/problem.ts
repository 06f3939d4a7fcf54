// Problem documents (RFC 9457), the only form in which the service refuses a call.

import type { FastifyReply } from 'fastify'
import { acceptedLanguages } from '../../domain/language.ts'
import type { Refusal } from '../../domain/refusal.ts'
import { fallbackLanguage, type Language, languageFor, textsIn } from '../texts/texts.ts'
import type { ProblemKind } from './problem-kind.ts'
import { type ProblemCode, problems } from './problem-table.ts'

/** One fault of a request; `path` is a JSON Pointer (RFC 6901) into the part that was read. */
export type Fault = { readonly path: string; readonly message: string }

/**
 * A problem document (RFC 9457). It has no `instance`, so that answers about foreign and unknown
 * objects are equal, byte for byte.
 */
export type ProblemBody = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ProblemCode
  readonly detail: string
  readonly errors?: readonly Fault[]
  readonly [fact: string]: unknown
}

export const problemMediaType = 'application/problem+json'

/**
 * The document of a code. Its title is for people, in their language; everything else is for
 * programs and those who write them. A fact cannot take the place of a standard member.
 */
export function problemBody(
  code: ProblemCode,
  { hint, facts, errors }: Pick<Refusal, 'hint' | 'facts'> & { errors?: readonly Fault[] } = {},
  language: Language = fallbackLanguage,
): ProblemBody {
  const { status, detail }: ProblemKind = problems[code]
  return {
    ...facts,
    type: `urn:countersign:problem:${code}`,
    title: textsIn(language).problems[code],
    status,
    code,
    detail: hint ?? detail,
    ...(errors && { errors }),
  }
}

/** RFC 9110, 11.6.1: a 401 names the required scheme. */
function authenticateHeader(code: ProblemCode): string {
  if (code === 'unauthenticated' || code === 'api_key_invalid' || code === 'integration_invalid')
    return 'Bearer'
  return code === 'portal_session_invalid' ? 'Portal' : 'Device-Proof'
}

type More = Omit<Refusal, 'refused'> & { readonly errors?: readonly Fault[] }

/** Sends a problem in one of its formats. */
export type SendProblem = <Reply extends FastifyReply>(
  reply: Reply,
  code: ProblemCode,
  more?: More,
) => Reply

/** Status and headers of a problem, the same for every format of its body. */
export function problemHeaders(
  reply: Pick<FastifyReply, 'code' | 'header'>,
  code: ProblemCode,
  more: Pick<More, 'retryAfterSeconds'>,
): void {
  const { status } = problems[code]
  const retryAfterSeconds = more.retryAfterSeconds ?? (code === 'unavailable' ? 1 : undefined)
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds))
  if (status === 401) reply.header('www-authenticate', authenticateHeader(code))
  reply.code(status)
}

type ProblemReply = Pick<
  FastifyReply,
  'code' | 'header' | 'headers' | 'getHeader' | 'type' | 'send' | 'request'
>

/** Answers with a problem, its title in the language that the call prefers. */
export function sendProblem<Reply extends ProblemReply>(
  reply: Reply,
  code: ProblemCode,
  more: More = {},
): Reply {
  problemHeaders(reply, code, more)
  const language = languageFor(acceptedLanguages(reply.request.headers['accept-language']))
  const vary = [reply.getHeader('vary') ?? [], 'Accept-Language'].flat().join(', ')
  reply.headers({ 'content-language': language, vary })
  reply.type(problemMediaType).send(problemBody(code, more, language))
  return reply
}

/** Answers with a refusal of a use case. */
export function sendRefusal<Reply extends ProblemReply>(
  reply: Reply,
  { refused: code, ...more }: Refusal,
): Reply {
  return sendProblem(reply, code, more)
}
