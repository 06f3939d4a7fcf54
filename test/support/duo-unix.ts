// How login_duo and pam_duo 2.2.3 read the answers of the Auth API: `duo_login` of lib/duo.c, step
// by step, with its own complaints.

import type { Answer, AuthApi } from './auth-api.ts'

type Flags = {
  /** Waits for the end in one call, as pam_duo under sshd and clients without a terminal do. */
  readonly sync?: boolean
  /** Chooses the default by itself: no terminal (scp, rsync, cron), or `autopush = yes`. */
  readonly auto?: boolean
  /** `verified_push = yes`. */
  readonly verifiedPush?: boolean
}

export type DuoLogin = {
  readonly code: 'DUO_OK' | 'DUO_FAIL' | 'DUO_ABORT' | 'DUO_SERVER_ERROR'
  /** Its messages to the user, in order. */
  readonly messages: readonly string[]
  /** Its log message. */
  readonly complaint: string | null
}

/** Ends a login as the macros of lib/duo.c do. */
class LoginEnd extends Error {
  readonly code: DuoLogin['code']
  constructor(code: DuoLogin['code'], complaint: string) {
    super(complaint)
    this.code = code
  }
}

function textIn(object: Answer, name: string): string {
  if (typeof object?.[name] !== 'string') {
    throw new LoginEnd('DUO_SERVER_ERROR', `JSON missing valid '${name}'`)
  }
  return object[name]
}

function objectIn(object: Answer, name: string): Answer {
  if (typeof object?.[name] !== 'object' || object[name] === null) {
    throw new LoginEnd('DUO_SERVER_ERROR', `JSON missing valid '${name}'`)
  }
  return object[name]
}

function responseIn(answer: Answer): Answer {
  if (textIn(answer, 'stat') !== 'OK') {
    throw new LoginEnd('DUO_FAIL', `${answer.code}: ${textIn(answer, 'message')}`)
  }
  return objectIn(answer, 'response')
}

function endOf(response: Answer): DuoLogin['code'] {
  const result = textIn(response, 'result')
  if (result === 'allow') return 'DUO_OK'
  if (result === 'deny') return 'DUO_FAIL'
  throw new LoginEnd('DUO_SERVER_ERROR', `JSON invalid 'result': ${result}`)
}

/** One login attempt. `type` is the user at the prompt; rejecting is Ctrl-C. */
export async function duoLogin(
  call: AuthApi,
  where: Readonly<Record<string, string>>,
  flags: Flags,
  type: (prompt: string, txid: string | undefined) => Promise<string>,
): Promise<DuoLogin> {
  const messages: string[] = []
  try {
    const code = await login(call, where, flags, type, messages)
    return { code, messages, complaint: null }
  } catch (error) {
    if (!(error instanceof LoginEnd)) throw error
    return { code: error.code, messages, complaint: error.message }
  }
}

async function login(
  call: AuthApi,
  where: Readonly<Record<string, string>>,
  { sync = false, auto = false, verifiedPush = false }: Flags,
  type: (prompt: string, txid: string | undefined) => Promise<string>,
  messages: string[],
): Promise<DuoLogin['code']> {
  const preauth = responseIn(
    await call('POST', 'preauth', {
      ...where,
      text_prompt: '1',
      failmode: 'closed',
      ...(verifiedPush && { client_supports_verified_push: '1' }),
    }),
  )
  const result = textIn(preauth, 'result')
  if (result !== 'auth') {
    messages.push(textIn(preauth, 'status_msg'))
    throw new LoginEnd('DUO_ABORT', textIn(preauth, 'status_msg'))
  }
  const txidParam = verifiedPush && typeof preauth.txid === 'string' ? { txid: preauth.txid } : {}
  const prompt = objectIn(preauth, 'prompt')
  const choice = auto
    ? textIn(objectIn(prompt, 'factors'), 'default')
    : await chooseFactor(prompt, type, preauth.txid)
  const authReply = responseIn(
    await call('POST', 'auth', {
      ...where,
      ...txidParam,
      factor: 'prompt',
      prompt: choice,
      async: sync ? '0' : '1',
      pushinfo: 'Server+IP=192.0.2.1&Command=',
    }),
  )
  if (sync) {
    messages.push(textIn(authReply, 'status_msg'))
    return endOf(authReply)
  }
  const txid = textIn(authReply, 'txid')
  if (txid.length >= 256) throw new LoginEnd('DUO_SERVER_ERROR', 'txid too long')
  for (let answers = 0; answers < 20; answers++) {
    const status = responseIn(await call('GET', 'auth_status', { txid }))
    messages.push(textIn(status, 'status_msg'))
    if (textIn(status, 'result') !== 'waiting') return endOf(status)
  }
  // Released versions let the user in here.
  throw new LoginEnd('DUO_OK', 'Authentication timed out')
}

async function chooseFactor(
  prompt: Answer,
  type: (prompt: string, txid: string | undefined) => Promise<string>,
  txid: string | undefined,
): Promise<string> {
  const input = await type(textIn(prompt, 'text'), txid)
  const factor = objectIn(prompt, 'factors')[input]
  return typeof factor === 'string' ? factor : input
}
