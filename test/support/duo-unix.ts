// How login_duo and pam_duo 2.2.3 read the answers of the Auth API: `duo_login` of lib/duo.c, step
// by step, with its own complaints.

import type { Answer, AuthApi } from './auth-api.ts'

type Flags = {
  /** Waits for the end in one call, as pam_duo under sshd and clients without a terminal do. */
  readonly sync?: boolean
  /** Takes the default by itself: no terminal (scp, rsync, cron), or `autopush = yes`. */
  readonly auto?: boolean
  /** `verified_push = yes`. */
  readonly verifiedPush?: boolean
}

export type DuoLogin = {
  readonly code: 'DUO_OK' | 'DUO_FAIL' | 'DUO_ABORT' | 'DUO_SERVER_ERROR'
  /** What it prints for the person, in its order. */
  readonly said: readonly string[]
  /** What it writes into the log. */
  readonly complaint: string | null
}

/** Ends a login as the macros of lib/duo.c do. */
class Ended extends Error {
  readonly code: DuoLogin['code']
  constructor(code: DuoLogin['code'], complaint: string) {
    super(complaint)
    this.code = code
  }
}

function textIn(object: Answer, name: string): string {
  if (typeof object?.[name] !== 'string') {
    throw new Ended('DUO_SERVER_ERROR', `JSON missing valid '${name}'`)
  }
  return object[name]
}

function objectIn(object: Answer, name: string): Answer {
  if (typeof object?.[name] !== 'object' || object[name] === null) {
    throw new Ended('DUO_SERVER_ERROR', `JSON missing valid '${name}'`)
  }
  return object[name]
}

function responseIn(answer: Answer): Answer {
  if (textIn(answer, 'stat') !== 'OK') {
    throw new Ended('DUO_FAIL', `${answer.code}: ${textIn(answer, 'message')}`)
  }
  return objectIn(answer, 'response')
}

function ended(response: Answer): DuoLogin['code'] {
  const result = textIn(response, 'result')
  if (result === 'allow') return 'DUO_OK'
  if (result === 'deny') return 'DUO_FAIL'
  throw new Ended('DUO_SERVER_ERROR', `JSON invalid 'result': ${result}`)
}

/** One try to log in. `type` is the person at the prompt; rejecting is Ctrl-C. */
export async function duoLogin(
  call: AuthApi,
  where: Readonly<Record<string, string>>,
  flags: Flags,
  type: (prompt: string, txid: string | undefined) => Promise<string>,
): Promise<DuoLogin> {
  const said: string[] = []
  try {
    const code = await login(call, where, flags, type, said)
    return { code, said, complaint: null }
  } catch (error) {
    if (!(error instanceof Ended)) throw error
    return { code: error.code, said, complaint: error.message }
  }
}

async function login(
  call: AuthApi,
  where: Readonly<Record<string, string>>,
  { sync = false, auto = false, verifiedPush = false }: Flags,
  type: (prompt: string, txid: string | undefined) => Promise<string>,
  said: string[],
): Promise<DuoLogin['code']> {
  const begun = responseIn(
    await call('POST', 'preauth', {
      ...where,
      text_prompt: '1',
      failmode: 'closed',
      ...(verifiedPush && { client_supports_verified_push: '1' }),
    }),
  )
  const result = textIn(begun, 'result')
  if (result !== 'auth') {
    said.push(textIn(begun, 'status_msg'))
    throw new Ended('DUO_ABORT', textIn(begun, 'status_msg'))
  }
  const named = verifiedPush && typeof begun.txid === 'string' ? { txid: begun.txid } : {}
  const prompt = objectIn(begun, 'prompt')
  const choice = auto
    ? textIn(objectIn(prompt, 'factors'), 'default')
    : await chosen(prompt, type, begun.txid)
  const asked = responseIn(
    await call('POST', 'auth', {
      ...where,
      ...named,
      factor: 'prompt',
      prompt: choice,
      async: sync ? '0' : '1',
      pushinfo: 'Server+IP=192.0.2.1&Command=',
    }),
  )
  if (sync) {
    said.push(textIn(asked, 'status_msg'))
    return ended(asked)
  }
  const txid = textIn(asked, 'txid')
  if (txid.length >= 256) throw new Ended('DUO_SERVER_ERROR', 'txid too long')
  for (let answers = 0; answers < 20; answers++) {
    const status = responseIn(await call('GET', 'auth_status', { txid }))
    said.push(textIn(status, 'status_msg'))
    if (textIn(status, 'result') !== 'waiting') return ended(status)
  }
  // Released versions let the person in here.
  throw new Ended('DUO_OK', 'Authentication timed out')
}

async function chosen(
  prompt: Answer,
  type: (prompt: string, txid: string | undefined) => Promise<string>,
  txid: string | undefined,
): Promise<string> {
  const typed = await type(textIn(prompt, 'text'), txid)
  const factor = objectIn(prompt, 'factors')[typed]
  return typeof factor === 'string' ? factor : typed
}
