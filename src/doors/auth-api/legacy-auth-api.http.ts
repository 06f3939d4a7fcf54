// Version 1 of the Auth API in terms of version 2: parameters on the way in, answers on the way
// out.

import type { AuthApiCall } from './auth-api.guard.ts'
import type { BsonDocument } from './bson.ts'

type Params = AuthApiCall['params']

const place = ({ user = '', ipaddr = '', hostname = '' }: Params) => ({
  username: user,
  ipaddr,
  hostname,
})

/**
 * Every client of version 1 prints the prompt. One that does not say what it does when nobody
 * answers is older than 1.11.2, whose default is to let people in.
 */
export const preauthParamsOf = (params: Params): Params => ({
  ...place(params),
  text_prompt: '1',
  failmode: params.failmode ?? 'open',
})

/** `auto` is what the person chose or typed; another factor than that one is not offered. */
export const authParamsOf = (params: Params): Params => ({
  ...place(params),
  factor: params.factor === 'auto' ? 'prompt' : 'none',
  prompt: params.auto ?? '',
  async: params.async ?? '0',
  pushinfo: params.pushinfo ?? '',
})

/** An answer of version 2, as the routes and their refusals give it. */
type Answer = {
  readonly stat: string
  readonly response: {
    readonly result?: string
    readonly status_msg?: string
    readonly txid?: string
    readonly prompt?: { readonly text: string; readonly factors: Readonly<Record<string, string>> }
  }
}

/**
 * The same answer in version 1, whose `status` is the text for the person, and which has no
 * `result` while a question is pending: its clients take any other word for an outage. Nothing
 * beyond these members leaves.
 */
export function legacyAnswerOf({ stat, response }: Answer): BsonDocument {
  const { result, status_msg, txid, prompt } = response
  const isOffer = result === 'auth'
  return {
    stat,
    response: {
      ...(result !== undefined && result !== 'waiting' && { result }),
      ...(status_msg !== undefined && { status: status_msg }),
      ...(txid !== undefined && !isOffer && { txid }),
      ...(prompt && { prompt: prompt.text, factors: prompt.factors }),
    },
  }
}
