// The routes of the Auth API that decide about a sign-in, for every version of it.

import type { FastifyReply } from 'fastify'
import type { z } from 'zod'
import { readFactor } from '../../domain/auth-api-factor.ts'
import type { DoorEnd } from '../../domain/door.ts'
import { isId } from '../../domain/ids.ts'
import { refuse } from '../../domain/refusal.ts'
import type { Bound } from '../../platform/bound.ts'
import { isDisconnectedOf } from '../../platform/http/waiting.ts'
import type * as useCases from '../use-cases.ts'
import type { AuthApiCall } from './auth-api.guard.ts'
import { authParams, authStatusParams, preauthParams } from './auth-api.schemas.ts'
import {
  decisionOf,
  decisionOfName,
  denialOf,
  ok,
  sendAuthApiRefusal,
  waiting,
} from './auth-api-answers.http.ts'
import { offerOf, personOf, shownQuestionOf } from './auth-api-questions.http.ts'

type UseCases = Bound<typeof useCases>

/** The members that a route knows; undefined when they do not match its schema. */
export function read<Schema extends z.ZodType>(
  schema: Schema,
  { params }: AuthApiCall,
): z.output<Schema> | undefined {
  return schema.safeParse(params).data
}

/** Answers how a person may sign in. */
export async function preauth(useCases: UseCases, call: AuthApiCall, reply: FastifyReply) {
  const params = read(preauthParams, call)
  if (!params) return sendAuthApiRefusal(reply, refuse('invalid_request'))
  const offer = await useCases.preauthenticate(call.client, {
    ...personOf(params),
    showsNumber: params.text_prompt || params.client_supports_verified_push,
    failsOpen: params.failmode !== 'closed',
    isOffer: call.isLegacy,
  })
  if ('outcome' in offer) return ok(decisionOf(offer))
  return ok(offerOf(offer, { username: params.username, isPrompting: params.text_prompt }))
}

/** Asks the person, or verifies a code. */
export async function auth(useCases: UseCases, call: AuthApiCall, reply: FastifyReply) {
  const params = read(authParams, call)
  if (!params) return sendAuthApiRefusal(reply, refuse('invalid_request'))
  const { client: entry } = call
  const factor = readFactor(params)
  const question = { ...shownQuestionOf(params), requiresOffer: call.isLegacy }
  if (!factor || factor.kind === 'unseen') {
    const reason = factor ? 'number_unseen' : 'factor_not_offered'
    const end = await useCases.refuseFactor(entry, question, reason)
    return params.async ? txidAnswer(end) : ok(decisionOf(end))
  }
  if (factor.kind === 'code') {
    if (!params.async) return ok(decisionOf(await useCases.enterCode(entry, question, factor.code)))
    return txidAnswer(await useCases.enterCodeToFollow(entry, question, factor.code))
  }
  const { device } = params
  const isNamed = device !== '' && device !== 'auto'
  if (isNamed && !isId('device', device))
    return sendAuthApiRefusal(reply, refuse('no_capable_device'))
  const deviceIds = isNamed && isId('device', device) ? { deviceIds: [device] } : {}
  if (!params.async) {
    const wait = {
      isAborted: isDisconnectedOf(reply),
      stillAllowed: () => useCases.mayStayAtDoor(call.call),
    }
    return ok(decisionOf(await useCases.askAsShown(entry, { ...question, ...deviceIds }, wait)))
  }
  return txidAnswer(await useCases.askToFollow(entry, { ...question, ...deviceIds }))
}

/**
 * The `txid` to poll for the end; also for a question that has ended, or the client would take the
 * answer for an error.
 */
const txidAnswer = (nameOrEnd: string | DoorEnd) =>
  ok(typeof nameOrEnd === 'string' ? { txid: nameOrEnd } : denialOf(nameOrEnd))

/** Answers how a question ended, or that it is pending. */
export async function authStatus(useCases: UseCases, call: AuthApiCall, reply: FastifyReply) {
  const params = read(authStatusParams, call)
  if (!params) return sendAuthApiRefusal(reply, refuse('invalid_request'))
  const refusal = decisionOfName(params.txid)
  if (refusal) return ok(refusal)
  const end = await useCases.followQuestion(call.client, params.txid, {
    isAborted: isDisconnectedOf(reply),
    stillAllowed: () => useCases.mayStayAtDoor(call.call),
  })
  return ok(end === null ? waiting : decisionOf(end))
}
